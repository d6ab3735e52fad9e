"""From committed raw files to the windows that rows rest on. Knows no rank and no page.

The digest that a manifest states is held against every file that is read: a number is made from
exactly the bytes that were published, or not at all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from fairlead import documents, fetched, windows
from fairlead.cache import Cache
from fairlead.depot import Brief, Depot, Stored, brief_of
from fairlead.metrics import SteadyRules, Undefined, WindowTable, tabulate
from fairlead.model import Methodology, RawFile, scenario_of
from fairlead.problems import Problem
from fairlead.ranking import (
    Evidence,
    Fetch,
    Head,
    Held,
    Origin,
    invalid_by_version,
    invalid_reasons,
    methodology_of,
)
from fairlead.repository import FileKind, Manifest, Repository
from fairlead.tables import (
    POOL_MIN_FILES,
    Makers,
    RawWindow,
    Refused,
    RulesByVersion,
    TableRules,
    Tabulated,
    tabulate_files,
)

if TYPE_CHECKING:
    from fairlead.fidelity import Answers
    from fairlead.integrity import Beside, Finding, Group, Trace
    from fairlead.smoothness import Replies

_T = TypeVar("_T")


def load_evidence(
    repository: Repository, cache: Cache | None = None, makers: Makers | None = None
) -> tuple[list[Evidence], list[Problem]]:
    """Every window that a manifest lists, and the problems of those that cannot be used.

    ``cache``: of tables, where they may be read back and are kept. ``makers``: other machines that make them.
    """
    if not repository.methodologies and any(repository.manifests()):
        fix = "add methodology/versions/<version>/methodology.yaml"
        return [], [Problem("TREE007", "methodology/versions", "no methodology version is here", fix=fix)]
    listed = _listed(repository)
    return _in_memory(repository, listed, cache, makers) if listed else ([], [])


def _in_memory(
    repository: Repository,
    listed: Sequence[tuple[Manifest, RawWindow]],
    cache: Cache | None,
    makers: Makers | None,
) -> tuple[list[Evidence], list[Problem]]:
    def use(place: int, key: bytes, made: Tabulated) -> Evidence | Problem:
        manifest, file = listed[place]
        brief = brief_of(made, repository.methodologies)
        return _evidence_of(manifest, file.path, brief, key, Held(made.table))

    files, rules = [file for _, file in listed], _rules(repository.methodologies)
    return _sorted_out(files, tabulate_files(repository.root, files, rules, use, cache, makers))


def load_briefly(
    repository: Repository, *, tables: Cache, briefs: Cache, held: int = 0, makers: Makers | None = None
) -> tuple[list[Evidence], list[Problem], Fetch]:
    """As :func:`load_evidence`, in little memory: the tables stay on the disk until somebody reads one.

    The last of the three brings many near at once, before they are read. ``held``: how many of those that
    were read last stay in memory, for who reads the tables of a row again and again.
    """
    listed = _listed(repository) if repository.methodologies else []
    if not listed:
        return *load_evidence(repository), lambda _: None
    if len(listed) < POOL_MIN_FILES and makers is None:
        return *_in_memory(repository, listed, None, None), lambda _: None
    files = [file for _, file in listed]
    methodologies = repository.methodologies
    depot = Depot(
        repository.root,
        files,
        _rules(methodologies),
        methodologies,
        tables=tables,
        briefs=briefs,
        held=held,
        makers=makers,
    )
    found: list[Evidence | Problem | Refused] = [
        brief
        if isinstance(brief, Refused)
        else _evidence_of(manifest, file.path, brief, depot.keys[place], Stored(depot, place))
        for place, ((manifest, file), brief) in enumerate(zip(listed, depot.briefs(), strict=True))
    ]
    return *_sorted_out(files, found), lambda items: depot.fetch(_places(items))


def _places(evidence: Iterable[Evidence]) -> Iterator[int]:
    return (item.read.place for item in evidence if isinstance(item.read, Stored))


def _listed(repository: Repository) -> list[tuple[Manifest, RawWindow]]:
    """Every raw file, with the manifest that lists it."""
    return [
        (manifest, _raw_window(repository, manifest, raw))
        for manifest in repository.manifests()
        for raw in manifest.windows
    ]


def _raw_window(repository: Repository, manifest: Manifest, raw: RawFile) -> RawWindow:
    path = f"{manifest.folder}/{raw.file}"
    if path not in repository.archived:
        return RawWindow(path, raw.sha256, manifest.path)
    folder = repository.fetched
    is_here = folder is not None and fetched.find(folder, raw.sha256) is not None
    place = str(fetched.place_of(folder, raw.sha256)) if folder is not None and is_here else None
    return RawWindow(path, raw.sha256, manifest.path, place, is_here)


def _sorted_out(
    files: Iterable[RawWindow], found: Iterable[Evidence | Problem | Refused]
) -> tuple[list[Evidence], list[Problem]]:
    evidence: list[Evidence] = []
    problems: list[Problem] = []
    for file, one in zip(files, found, strict=True):
        if isinstance(one, Evidence):
            evidence.append(one)
        else:
            problems.append(_unusable(one, file.path) if isinstance(one, Refused) else one)
    return evidence, problems


def evidence_under(
    repository: Repository, evidence: Sequence[Evidence], other: Repository, cache: Cache | None = None
) -> tuple[list[Evidence], list[Problem]]:
    """The windows of a repository as another state of its method sees them: by other numbers.

    ``other`` differs from ``repository`` in ``methodologies`` alone. The raw files are read again only where
    a number differs that tables are made by.
    """
    if not other.methodologies:
        return [], []
    if any(_tabulates_otherwise(item, repository, other) for item in evidence):
        again, problems = load_evidence(other, cache)
        kept = {item.path for item in evidence}
        return [item for item in again if item.path in kept], problems
    return [
        dataclasses.replace(item, invalid=invalid_by_version(item.table, other.methodologies))
        for item in evidence
    ], []


def _tabulates_otherwise(item: Evidence, repository: Repository, other: Repository) -> bool:
    version = item.head.methodology
    first, second = (methodology_of(each.methodologies, version) for each in (repository, other))
    return first is not second and _table_rules(first) != _table_rules(second)


def _rules(methodologies: Mapping[str, Methodology]) -> RulesByVersion:
    """What tables are made by: the window's own version, else the latest."""
    rules = {version: _table_rules(methodology) for version, methodology in methodologies.items()}
    return RulesByVersion(rules, _table_rules(methodology_of(methodologies, None)))


def _table_rules(methodology: Methodology) -> TableRules:
    return TableRules(steady_rules(methodology), methodology.limits.token_disagreement_share)


def _evidence_of(
    manifest: Manifest, path: str, brief: Brief, key: bytes, read: Callable[[], WindowTable]
) -> Evidence | Problem:
    scenario = scenario_of(path, brief.head.model)
    if scenario is None:
        return _unusable(Refused("WIN008", "its name does not state the model of its header"), path)
    return Evidence(
        path=path,
        origin=_origin(manifest, brief.head),
        scenario=scenario,
        head=brief.head,
        read=read,
        invalid=brief.invalid,
        usage=brief.usage,
        made_from=key,
    )


class Memory:
    """What raw files were found to say, for a process that makes one edition after another.

    It holds while a file's table is made from the same, and as long as no methodology changes.
    """

    def __init__(self) -> None:
        self._methodologies: Mapping[str, Methodology] = {}
        self._kept: dict[tuple[Callable[..., Any], str, bytes], Any] = {}

    def recall(
        self, read: Callable[[Repository, Evidence], _T], repository: Repository, item: Evidence
    ) -> _T:
        """What ``read`` makes of a window, made once."""
        if self._methodologies is not repository.methodologies:
            if self._methodologies != repository.methodologies:
                self._kept.clear()
            self._methodologies = repository.methodologies
        if item.made_from is None:
            return read(repository, item)
        key = (read, item.path, item.made_from)
        if key not in self._kept:
            self._kept[key] = read(repository, item)
        found: _T = self._kept[key]
        return found


def with_replies(
    repository: Repository, evidence: Iterable[Evidence], memory: Memory | None = None
) -> list[Evidence]:
    """The same evidence with what its replies say, and how they came, read from the raw files again.

    A page shows it and no rank rests on it, so it is read where a page is made.

    Raises:
        Unreadable, windows.WindowError: a file was changed meanwhile.
    """
    memory = memory or Memory()
    found = []
    for item in evidence:
        if item.origin is not Origin.IMPORTED:
            replies, answers = memory.recall(_replies_of, repository, item)
            item = dataclasses.replace(item, replies=replies, answers=answers)
        found.append(item)
    return found


def _replies_of(repository: Repository, item: Evidence) -> tuple[Replies, Answers | Undefined]:
    from fairlead import fidelity, smoothness

    _, window = read_raw(repository, item.path)
    version = window.header.methodology.version if window.header.methodology else None
    workload = fidelity.workload_of(methodology_of(repository.methodologies, version), item.scenario)
    answers = fidelity.observe(window, workload) if workload else Undefined("the scenario is not known here")
    return smoothness.observe(window), answers


def _trace_of(repository: Repository, item: Evidence) -> Trace:
    from fairlead.integrity import trace_of

    return trace_of(repository.methodologies, item.path, read_raw(repository, item.path)[1])


def findings_of_claims(
    repository: Repository, evidence: Iterable[Evidence], memory: Memory | None = None
) -> Mapping[str, Sequence[Finding]]:
    """What the raw requests of each submission that was measured show, read from its files again.

    Raises:
        Unreadable, windows.WindowError: a file was changed meanwhile.
    """
    from fairlead.integrity import Beside, group_of

    memory = memory or Memory()
    claims: dict[str, dict[Group, list[Trace]]] = {}
    neutral: dict[Group, list[Beside]] = {}
    for item in evidence:
        header, table = item.table.header, item.table
        group = group_of(item.path, header)
        if group is None or item.origin is Origin.IMPORTED:
            continue
        if item.origin is Origin.NEUTRAL:
            beside = Beside.of(table.start_unix_ns, table.outcomes, table.values["ttft_ms"])
            neutral.setdefault(group, []).append(beside)
            continue
        name = item.path.removeprefix("submissions/").rsplit("/", 2)[0]
        trace = memory.recall(_trace_of, repository, item)
        claims.setdefault(name, {}).setdefault(group, []).append(trace)
    return {name: _findings(repository, name, traces, neutral) for name, traces in sorted(claims.items())}


def _findings(
    repository: Repository,
    name: str,
    traces: Mapping[Group, Sequence[Trace]],
    neutral: Mapping[Group, Sequence[Beside]],
) -> Sequence[Finding]:
    from fairlead.integrity import findings

    registration = repository.registrations.get(name)
    version = registration.methodology.version if registration else None
    methodology = repository.methodologies.get(version) if version else None
    return findings(traces, registration, methodology, neutral)


def read_raw(repository: Repository, path: str) -> tuple[bytes, windows.Window]:
    """The bytes of a raw file that :func:`load_evidence` found usable, and the window in them.

    Raises:
        Unreadable, windows.WindowError: it was changed meanwhile.
    """
    data = repository.read_raw(path)
    return data, windows.decode_window(data)


def _unusable(refused: Refused, path: str) -> Problem:
    fix = "run `fairlead check` for the whole list of problems"
    if refused.code == "ARC005":
        fix = "run `fairlead check --deep`, which fetches every archived file and keeps it"
    return Problem(refused.code, path, refused.message, fix=fix)


def _origin(manifest: Manifest, head: Head) -> Origin:
    if head.is_imported:
        return Origin.IMPORTED
    return Origin.CLAIM if manifest.kind is FileKind.SUBMISSION else Origin.NEUTRAL


def steady_rules(methodology: Methodology) -> SteadyRules:
    """The methodology's rules for a throughput figure."""
    window = methodology.window
    return SteadyRules(
        requests_min=window.requests_min,
        requests_per_stream_min=window.requests_per_stream_min,
        steady_e2e_medians_min=window.steady_e2e_medians_min,
    )


def measured_tables(
    repository: Repository, submission: str, methodology: Methodology
) -> Iterator[tuple[str, WindowTable]]:
    """(scenario, table) of each valid window of a run that is not sealed yet."""
    for path in repository.window_paths(f"submissions/{submission}/windows"):
        data = documents.read_bounded(path, windows.MAX_COMPRESSED_BYTES)
        window = windows.decode_window(data)
        table = tabulate(window, steady_rules(methodology))
        scenario = scenario_of(path.name, window.header.model)
        if scenario is not None and not invalid_reasons(table, methodology):
            yield scenario, table
