"""A window's header against its path, its plan and its method. Knows no request and no other window."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Literal

from fairlead import documents, windows
from fairlead.clock import unix_ns_of
from fairlead.documents import Document, problem_at
from fairlead.measure.plan import open_bound
from fairlead.model import Methodology, MethodologyRef, Registration, Scenario, scenario_of, window_file_name
from fairlead.problems import Problem, listed, nearest, quote
from fairlead.repository import Repository, schema_problems
from fairlead.windows import NODES_VERSION, Header

_MS_NS = 1_000_000
_RESTORE = "restore the file as it was sealed"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """What the files around a folder of windows say about each of them; None where they say nothing."""

    is_neutral: bool
    provider: str | None = None
    model: str | None = None
    origin: Literal["measured", "imported"] | None = None
    vantage: str | None = None
    methodology: MethodologyRef | None = None
    registration: Registration | None = None
    registration_sha256: str | None = None
    certificates: frozenset[str] | None = None


def header_problems(repository: Repository, owner: Owner, path: str, header: Header) -> Iterator[Problem]:
    """Everything that is wrong with a header, each thing at its place in line 1.

    Where things are is found out only once something is wrong.
    """
    line = windows.encode_line(header)
    plain = documents.read_plain(line, path)
    if plain is not None and not any(True for _ in _problems_in(plain, repository, owner, path, header)):
        return
    document, problems = documents.parse(line, path)
    yield from problems if document is None else _problems_in(document, repository, owner, path, header)


def _problems_in(
    document: Document, repository: Repository, owner: Owner, path: str, header: Header
) -> Iterator[Problem]:
    shape = [
        dataclasses.replace(problem, code="WIN006") for problem in schema_problems(document, "window-header")
    ]
    yield from shape
    if shape:
        return
    misplaced = list(_place_problems(document, owner, path, header))
    yield from misplaced
    if not misplaced:
        yield from _reference_problems(repository, document, header)
    yield from _kind_problems(document, header)
    yield from _statement_problems(document, owner, header)
    yield from _plan_problems(document, owner, path, header)
    methodology = repository.methodologies.get(header.methodology.version) if header.methodology else None
    if methodology is not None and header.origin == "measured":
        yield from _load_problems(document, methodology, path, header)
    yield from _certificate_problems(document, owner, header)


def _place_problems(document: Document, owner: Owner, path: str, header: Header) -> Iterator[Problem]:
    """The path says provider, model, scenario, role and start, and so does the header."""
    if owner.provider is not None and header.provider != owner.provider:
        message = f"the folder is that of {quote(owner.provider)}"
        yield problem_at(document, "WIN008", "/provider", message, fix=_RESTORE)
    if owner.model is not None and header.model != owner.model:
        message = f"these are rounds of {quote(owner.model)}"
        yield problem_at(document, "WIN008", "/model", message, fix=_RESTORE)
    name = path.rpartition("/")[2]
    scenario = scenario_of(name, header.model)
    expected = (
        None
        if scenario is None
        else window_file_name(header.clock.start_unix_ns, header.model, scenario, header.role)
    )
    if name != expected:
        message = f"the file is named {quote(name, 120)}"
        shown = quote(expected, 120) if expected else f"a name with the model {quote(header.model)}"
        yield problem_at(document, "WIN008", "/clock/start_unix_ns", message, expected=shown, fix=_RESTORE)


def _reference_problems(repository: Repository, document: Document, header: Header) -> Iterator[Problem]:
    """Provider, endpoint and model are described in the tree."""
    if (
        header.model not in repository.models
        and "methodology/models.yaml" in repository.documents.keys() - repository.broken
    ):
        yield _unknown(document, "REF001", "/model", header.model, list(repository.models))
    home = f"providers/{header.provider}.yaml"
    provider = repository.providers.get(header.provider)
    if provider is None:
        if home not in repository.broken:
            yield _unknown(document, "REF002", "/provider", header.provider, list(repository.providers))
        return
    served = {endpoint.id: [entry.model for entry in endpoint.models] for endpoint in provider.endpoints}
    if header.endpoint not in served:
        yield _unknown(document, "REF003", "/endpoint", header.endpoint, list(served))
    elif header.model not in served[header.endpoint] and header.model in repository.models:
        message = f"endpoint {quote(header.endpoint)} does not serve {quote(header.model)}"
        fix = f"add the model to the endpoint in {home}"
        yield problem_at(document, "REF010", "/model", message, fix=fix)


def _unknown(document: Document, code: str, where: str, name: str, known: Sequence[str]) -> Problem:
    meant = nearest(name, known)
    word = where.removeprefix("/")
    fix = (
        f"was {quote(meant)} measured? then measure again under that id" if meant else f"add the {word} first"
    )
    return problem_at(document, code, where, f"unknown {word} {quote(name)}", fix=fix)


_MEASURED = ("vantage", "seed", "methodology", "workload", "machine")


def _kind_problems(document: Document, header: Header) -> Iterator[Problem]:
    """A measured header names what measured it; an imported one claims nothing that it cannot know."""
    faults = _measured_faults(header) if header.origin == "measured" else _imported_faults(header)
    for where, message in faults:
        yield problem_at(document, "WIN010", where, message, fix=_RESTORE)
    yield from _load_kind_problems(document, header)


def _measured_faults(header: Header) -> Iterator[tuple[str, str]]:
    for key in _MEASURED:
        if getattr(header, key) is None:
            yield f"/{key}", f"a measured window without `{key}`"
    if header.stamps == "durations":
        yield "/stamps", "a measured window has stamps"
    if header.clock.basis != "measured" or header.clock.origin_mono_ns is None:
        yield "/clock/basis", "a measured window has a clock of its own"
    if (header.schema_version == NODES_VERSION) != bool(header.nodes):
        yield "/schema_version", f"{NODES_VERSION} is that of a window with `nodes`, and of no other"
    if header.nodes:
        yield from _node_faults(header)


def _node_faults(header: Header) -> Iterator[tuple[str, str]]:
    """No process and no node stands twice, and the first is the one that the header itself describes."""
    shared = [process for node in header.nodes for process in node.processes]
    if len(set(shared)) < len(shared) or len({node.name for node in header.nodes}) < len(header.nodes):
        yield "/nodes", "a node or a process stands twice"
    first = header.nodes[0]
    described = (first.machine, first.calibration, first.clock.origin_mono_ns)
    if 0 not in first.processes or described != (
        header.machine,
        header.calibration,
        header.clock.origin_mono_ns,
    ):
        yield "/nodes/0", "the first node has process 0, and the header's machine, origin and certificates"


def _imported_faults(header: Header) -> Iterator[tuple[str, str]]:
    for key in ("registration_sha256", "plan_index"):
        if getattr(header, key) is not None:
            yield f"/{key}", f"an imported window with `{key}`"
    if header.stamps != "durations":
        yield "/stamps", "an imported window has durations only"
    if header.nodes or header.schema_version == NODES_VERSION:
        yield "/nodes", "an imported window with `nodes`"
    for key in ("before", "after"):
        if getattr(header.calibration, key) is not None:
            yield f"/calibration/{key}", "an imported window was never calibrated"


def _load_kind_problems(document: Document, header: Header) -> Iterator[Problem]:
    load = header.load
    needed = ("concurrency",) if load.kind == "closed" else ("concurrency", "rate_per_s", "arrivals")
    for key in ("concurrency", "rate_per_s", "arrivals"):
        has = getattr(load, key) is not None
        # An imported window may not know its load; it can still not be of two kinds.
        if has != (key in needed) and (has or header.origin == "measured"):
            message = f"`{key}` does not fit the {load.kind} loop"
            yield problem_at(document, "WIN010", f"/load/{key}", message, fix=_RESTORE)


def _statement_problems(document: Document, owner: Owner, header: Header) -> Iterator[Problem]:
    """Origin, vantage, methodology and registration are those that the files beside the window state."""
    if owner.origin is not None and header.origin != owner.origin:
        message = f"the submission says {quote(owner.origin)}"
        yield problem_at(
            document, "WIN009", "/origin", message, fix="submit measured and imported results apart"
        )
    if owner.is_neutral and header.origin == "imported":
        yield problem_at(
            document, "WIN009", "/origin", "neutral windows are measured by the board", fix=_RESTORE
        )
    if owner.is_neutral and header.registration_sha256 is not None:
        message = "a neutral window has no registration"
        yield problem_at(document, "WIN009", "/registration_sha256", message, fix=_RESTORE)
    if header.origin == "imported":
        return
    if owner.vantage is not None and header.vantage != owner.vantage:
        message = f"it was planned for the vantage {quote(owner.vantage)}"
        yield problem_at(document, "WIN009", "/vantage", message, fix=_RESTORE)
    stated, named = owner.methodology, header.methodology
    if stated and named and (named.version, named.sha256) != (stated.version, stated.sha256):
        message = f"it was planned under methodology {stated.version} ({stated.sha256[:12]}…)"
        yield problem_at(document, "WIN009", "/methodology", message, fix=_RESTORE)
    if owner.registration_sha256 is not None and header.registration_sha256 != owner.registration_sha256:
        message = "it was measured for another registration"
        expected = quote(owner.registration_sha256, 80)
        yield problem_at(document, "WIN009", "/registration_sha256", message, expected=expected, fix=_RESTORE)


def _plan_problems(document: Document, owner: Owner, path: str, header: Header) -> Iterator[Problem]:
    """A claim's window is the planned one, measured no sooner than planned."""
    if owner.registration is None or header.origin == "imported":
        return
    plan, index = owner.registration.windows, header.plan_index
    if index is None or index >= len(plan):
        message = f"the registration plans {len(plan)} windows"
        expected = f"an index from 0 to {len(plan) - 1}"
        yield problem_at(
            document, "SUB010", "/plan_index", message, expected=expected, fix="leave the window out"
        )
        return
    planned, scenario = plan[index], scenario_of(path, header.model)
    if header.role != "subject":
        message = "a planned window measures its subject"
        yield problem_at(document, "WIN009", "/role", message, expected=quote("subject"), fix=_RESTORE)
    if (header.endpoint, header.model, scenario) != (planned.endpoint, planned.model, planned.scenario):
        message = f"window {index} was planned as {planned.endpoint} / {planned.model} / {planned.scenario}"
        yield problem_at(document, "WIN009", "/plan_index", message, fix=_RESTORE)
    for moment, name in ((owner.registration.registered, "registered"), (planned.not_before, "not_before")):
        if header.clock.start_unix_ns < unix_ns_of(moment):
            message = f"it began before `{name}`, {moment:%Y-%m-%dT%H:%M:%SZ}"
            fix = "measure the window again, at its time"
            yield problem_at(document, "WIN021", "/clock/start_unix_ns", message, fix=fix)
            return


def _load_problems(
    document: Document, methodology: Methodology, path: str, header: Header
) -> Iterator[Problem]:
    """The load is that of the scenario, number by number."""
    name = scenario_of(path, header.model)
    scenario = next((known for known in methodology.scenarios if known.id == name), None)
    if scenario is None:
        if name is not None:
            known = [known.id for known in methodology.scenarios]
            message = f"methodology {methodology.version} has no scenario {quote(name)}"
            yield problem_at(
                document, "REF008", "/load", message, expected=f"one of {listed(known)}", fix=_RESTORE
            )
        return
    for key, wanted in _wanted_load(methodology, scenario):
        found = getattr(header.load, key)
        if found != wanted:
            message = f"scenario {quote(scenario.id)} has another `{key}`"
            yield problem_at(document, "WIN009", f"/load/{key}", message, expected=str(wanted), fix=_RESTORE)


def _wanted_load(methodology: Methodology, scenario: Scenario) -> tuple[tuple[str, object], ...]:
    timeouts = methodology.timeouts
    bound = open_bound(scenario.requests) if scenario.kind == "open" else None
    return (
        ("kind", scenario.kind),
        ("concurrency", scenario.concurrency or bound),
        ("rate_per_s", scenario.rate_per_s),
        ("arrivals", scenario.arrivals),
        ("planned", scenario.requests),
        ("ramp_ns", scenario.ramp_ms * _MS_NS),
        ("connect_timeout_ns", timeouts.connect_ms * _MS_NS),
        ("first_timeout_ns", timeouts.first_chunk_ms * _MS_NS),
        ("total_timeout_ns", timeouts.total_ms * _MS_NS),
    )


def _certificate_problems(document: Document, owner: Owner, header: Header) -> Iterator[Problem]:
    """A certificate is submitted with the window, and its quantiles ascend."""
    for where, certificate in header.certificates():
        if owner.certificates is not None and certificate.sha256 not in owner.certificates:
            message = f"calibrations/{certificate.sha256[:12]}….json.gz is not listed beside the window"
            fix = "submit the certificate with the window"
            yield problem_at(document, "WIN020", f"{where}/sha256", message, fix=fix)
        for key in ("token_error_ns", "ttft_error_ns", "icl_error_ns"):
            quantiles = getattr(certificate, key)
            if any(left > right for left, right in itertools.pairwise(quantiles)):
                message = "min, p50, p90, p99 and max do not ascend"
                yield problem_at(document, "WIN020", f"{where}/{key}", message, fix=_RESTORE)
