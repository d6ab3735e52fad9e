"""Names in one file that stand for things in another. Knows no date, number or raw request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fairlead.checks.context import Context, at, unknown
from fairlead.model import Interest, PlannedWindow
from fairlead.problems import Problem, nearest, pointer, quote
from fairlead.repository import (
    CUSTODY_PATH,
    MODELS_PATH,
    ORGANISATIONS_PATH,
    VANTAGES_PATH,
    VERSIONS_PATH,
    FileKind,
    Repository,
)

_PROPOSALS = "methodology/proposals/"
_MEMBERS = "methodology/governance/members/"


def check_unique_ids(repository: Repository, _context: Context) -> Iterator[Problem]:
    """An id names one thing: no list gives one twice."""
    for path, lists in _id_lists(repository):
        for where, ids in lists:
            seen: dict[str, int] = {}
            for index, name in enumerate(ids):
                if name in seen:
                    yield at(
                        repository,
                        path,
                        "REF012",
                        where(index),
                        f"{quote(name)} is also entry {seen[name] + 1} of this list",
                        expected="an id of its own",
                        fix="give it another id, or make one entry of the two",
                    )
                seen.setdefault(name, index)


class _Where:
    """The pointer of the id of the ``index``-th entry of a list."""

    def __init__(self, *parts: str | int, leaf: str = "id") -> None:
        self.parts = parts
        self.leaf = leaf

    def __call__(self, index: int) -> str:
        return pointer(*self.parts, index, *([self.leaf] if self.leaf else []))


_IdList = tuple[_Where, Sequence[str]]


def _id_lists(repository: Repository) -> Iterator[tuple[str, list[_IdList]]]:
    for kind, key, leaf in (
        (FileKind.MODELS, "models", "id"),
        (FileKind.VANTAGES, "vantages", "id"),
        (FileKind.VERSIONS, "versions", "version"),
        (FileKind.ORGANISATIONS, "organisations", "id"),
    ):
        # From the document: the repository's mapping by id has lost the second of two already.
        for path in repository.paths_of(kind):
            if path not in repository.broken:
                data = repository.documents[path].data
                entries = data[key] if isinstance(data, dict) else []
                yield path, [(_Where(key, leaf=leaf), [entry[leaf] for entry in entries])]  # type: ignore[index,call-overload,union-attr,misc]
    for name, provider in repository.providers.items():
        lists: list[_IdList] = [(_Where("endpoints"), [endpoint.id for endpoint in provider.endpoints])]
        lists += [
            (_Where("endpoints", index, "models", leaf="model"), [served.model for served in endpoint.models])
            for index, endpoint in enumerate(provider.endpoints)
        ]
        yield f"providers/{name}.yaml", lists
    for version, text in repository.methodologies.items():
        yield (
            f"methodology/versions/{version}/methodology.yaml",
            [
                (_Where("workloads"), [workload.id for workload in text.workloads]),
                (_Where("scenarios"), [scenario.id for scenario in text.scenarios]),
            ],
        )
    for manifest in repository.manifests():
        for key, files in (("windows", manifest.windows), ("calibrations", manifest.calibrations)):
            yield manifest.path, [(_Where(key, leaf="file"), [raw.file for raw in files])]


# -- providers and methodology -------------------------------------------------------------------


def check_providers(repository: Repository, _context: Context) -> Iterator[Problem]:
    """A provider names models and organisations that exist."""
    for name, provider in repository.providers.items():
        path = f"providers/{name}.yaml"
        if provider.organisation is not None:
            yield from _organisation(repository, path, "/organisation", provider.organisation)
        for place, endpoint in enumerate(provider.endpoints):
            for index, served in enumerate(endpoint.models):
                where = pointer("endpoints", place, "models", index, "model")
                yield from _model(repository, path, where, served.model)
        yield from _interests(repository, path, provider.interests)


def check_methodology(repository: Repository, _context: Context) -> Iterator[Problem]:
    """Scenarios name workloads, vantages their operators, versions the proposals that ratified them."""
    for version, text in repository.methodologies.items():
        path = f"methodology/versions/{version}/methodology.yaml"
        workloads = [workload.id for workload in text.workloads]
        for index, scenario in enumerate(text.scenarios):
            where = (path, pointer("scenarios", index, "workload"))
            yield from unknown(repository, where, "REF008", scenario.workload, workloads, path)
        if text.control is not None and f"providers/{text.control}.yaml" not in repository.broken:
            where = (path, "/control")
            yield from unknown(repository, where, "REF002", text.control, repository.providers, "providers/")
    for index, vantage in enumerate(repository.vantages.values()):
        if vantage.operator is not None:
            where_operator = pointer("vantages", index, "operator")
            yield from _organisation(repository, VANTAGES_PATH, where_operator, vantage.operator)
    for index, entry in enumerate(repository.versions.values()):
        if entry.ratified_by is not None:
            where = (VERSIONS_PATH, pointer("versions", index, "ratified_by"))
            yield from unknown(
                repository, where, "REF011", entry.ratified_by, repository.proposals, _PROPOSALS
            )


# -- submissions ---------------------------------------------------------------------------------


def check_registrations(repository: Repository, _context: Context) -> Iterator[Problem]:
    """A plan names endpoints, models, scenarios, a vantage and a methodology that exist."""
    for name, registration in repository.registrations.items():
        path = f"submissions/{name}/registration.yaml"
        provider = name.partition("/")[0]
        yield from _provider(repository, path, provider)
        yield from _version(repository, path, registration.methodology.version)
        yield from _vantage(repository, path, registration.vantage)
        for index, planned in enumerate(registration.windows):
            where = pointer("windows", index)
            yield from _served(repository, path, where, provider, planned.endpoint, planned.model)
            version = registration.methodology.version
            yield from _scenario(repository, path, f"{where}/scenario", version, planned)


def check_submissions(repository: Repository, _context: Context) -> Iterator[Problem]:
    """A claim names a provider, endpoints and models that exist; a correction, an earlier submission."""
    for name, submission in repository.submissions.items():
        path = f"submissions/{name}/submission.yaml"
        provider, _, folder = name.partition("/")
        yield from _provider(repository, path, provider)
        for index, claim in enumerate(submission.claims):
            where = pointer("claims", index)
            yield from _served(repository, path, where, provider, claim.endpoint, claim.model)
        if submission.corrects == folder:
            fix = "name the earlier submission, or write null"
            yield at(repository, path, "SUB014", "/corrects", "a submission cannot correct itself", fix=fix)
        elif submission.corrects is not None:
            others = (other.partition("/") for other in repository.submissions if other != name)
            own = [folder for owner, _, folder in others if owner == provider]
            broken = f"submissions/{provider}/{submission.corrects}/submission.yaml" in repository.broken
            if not broken:
                where_corrects = (path, "/corrects")
                home = f"submissions/{provider}/"
                yield from unknown(repository, where_corrects, "REF009", submission.corrects, own, home)


def check_neutral_windows(repository: Repository, _context: Context) -> Iterator[Problem]:
    """Neutral rounds and reruns name a vantage, a methodology and a model that exist."""
    for name, rounds in repository.rounds.items():
        path = f"submissions/neutral/{name}/rounds.yaml"
        yield from _version(repository, path, rounds.methodology.version)
        yield from _vantage(repository, path, rounds.vantage)
        yield from _model(repository, path, "/model", rounds.model)
    for name, rerun in repository.reruns.items():
        path = f"submissions/{name}/rerun.yaml"
        yield from _version(repository, path, rerun.methodology.version)
        yield from _vantage(repository, path, rerun.vantage)


# -- people --------------------------------------------------------------------------------------


def check_people(repository: Repository, _context: Context) -> Iterator[Problem]:
    """Members, owners and donors are organisations that exist; members came in by a proposal that exists."""
    for name, member in repository.members.items():
        path = f"{_MEMBERS}{name}.yaml"
        for index, job in enumerate(member.employment):
            where = pointer("employment", index, "organisation")
            yield from _organisation(repository, path, where, job.organisation)
        if member.delegate_of is not None:
            yield from _organisation(repository, path, "/delegate_of", member.delegate_of)
        if member.admitted_by is not None:
            where_vote = (path, "/admitted_by")
            yield from unknown(
                repository, where_vote, "REF011", member.admitted_by, repository.proposals, _PROPOSALS
            )
        yield from _interests(repository, path, member.interests)
    for place, organisation in enumerate(repository.organisations.values()):
        for index, owner in enumerate(organisation.owners):
            where = pointer("organisations", place, "owners", index, "organisation")
            yield from _organisation(repository, ORGANISATIONS_PATH, where, owner.organisation)
    for index, entry in enumerate(repository.funding):
        path = "methodology/governance/funding.yaml"
        yield from _organisation(repository, path, pointer("entries", index, "from"), entry.from_)


def check_custody(repository: Repository, _context: Context) -> Iterator[Problem]:
    """Whoever holds a right over the board holds it for an organisation that is known."""
    for index, custodian in enumerate(repository.custody):
        if custodian.organisation is not None:
            where = pointer("custodians", index, "organisation")
            yield from _organisation(repository, CUSTODY_PATH, where, custodian.organisation)


def check_proposals(repository: Repository, _context: Context) -> Iterator[Problem]:
    """A proposal names organisations and a version that exist; its electorate are members."""
    for name, proposal in repository.proposals.items():
        path = f"{_PROPOSALS}{name}/proposal.yaml"
        for index, named in enumerate(proposal.named):
            yield from _organisation(repository, path, pointer("named", index), named)
        if proposal.methodology_version is not None:
            version = proposal.methodology_version
            where = (path, "/methodology_version")
            yield from unknown(repository, where, "REF005", version, repository.versions, VERSIONS_PATH)
    for name, ballot in repository.ballots.items():
        path = f"{_PROPOSALS}{name}/ballot.yaml"
        for index, elector in enumerate(ballot.electorate):
            yield from _member(repository, path, pointer("electorate", index, "member"), elector.member)
            for key in ("organisation", "group"):
                at_key = pointer("electorate", index, key)
                yield from _organisation(repository, path, at_key, getattr(elector, key))


# -- one reference -------------------------------------------------------------------------------


def _member(repository: Repository, path: str, where: str, name: str) -> Iterator[Problem]:
    if f"{_MEMBERS}{name}.yaml" in repository.broken:
        return iter(())
    return unknown(repository, (path, where), "REF007", name, repository.members, _MEMBERS)


def _organisation(repository: Repository, path: str, where: str, name: str) -> Iterator[Problem]:
    known = repository.organisations
    return unknown(repository, (path, where), "REF006", name, known, ORGANISATIONS_PATH)


def _interests(repository: Repository, path: str, interests: Iterable[Interest]) -> Iterator[Problem]:
    for index, interest in enumerate(interests):
        yield from _organisation(repository, path, pointer("interests", index, "party"), interest.party)


def _model(repository: Repository, path: str, where: str, name: str) -> Iterator[Problem]:
    return unknown(repository, (path, where), "REF001", name, repository.models, MODELS_PATH)


def _vantage(repository: Repository, path: str, name: str) -> Iterator[Problem]:
    return unknown(repository, (path, "/vantage"), "REF004", name, repository.vantages, VANTAGES_PATH)


def _version(repository: Repository, path: str, version: str) -> Iterator[Problem]:
    where = (path, "/methodology/version")
    text = f"methodology/versions/{version}/methodology.yaml"
    if text in repository.broken:
        return iter(())
    home = "methodology/versions/"
    return unknown(repository, where, "REF005", version, repository.methodologies, home)


def _provider(repository: Repository, path: str, provider: str) -> Iterator[Problem]:
    if f"providers/{provider}.yaml" in repository.broken or provider in repository.providers:
        return
    meant = nearest(provider, repository.providers)
    yield at(
        repository,
        path,
        "REF002",
        "",
        f"the folder names the unknown provider {quote(provider)}",
        expected=f"a file providers/{provider}.yaml",
        fix=f"move the folder to submissions/{meant}/" if meant else "add the provider's file first",
    )


def _served(
    repository: Repository, path: str, where: str, provider: str, endpoint: str, model: str
) -> Iterator[Problem]:
    """The endpoint exists, the model exists, and the one serves the other."""
    found = list(_model(repository, path, f"{where}/model", model))
    yield from found
    entry = repository.providers.get(provider)
    if entry is None:
        return
    home = f"providers/{provider}.yaml"
    served = {known.id: [served.model for served in known.models] for known in entry.endpoints}
    yield from unknown(repository, (path, f"{where}/endpoint"), "REF003", endpoint, served, home)
    if not found and endpoint in served and model not in served[endpoint]:
        yield at(
            repository,
            path,
            "REF010",
            f"{where}/model",
            f"endpoint {quote(endpoint)} does not serve {quote(model)}",
            expected="one of " + ", ".join(map(quote, served[endpoint])),
            fix=f"add the model to the endpoint in {home}, or name the endpoint that serves it",
        )


def _scenario(
    repository: Repository, path: str, where: str, version: str, planned: PlannedWindow
) -> Iterator[Problem]:
    text = repository.methodologies.get(version)
    if text is not None:
        known = [scenario.id for scenario in text.scenarios]
        home = f"methodology/versions/{version}/methodology.yaml"
        yield from unknown(repository, (path, where), "REF008", planned.scenario, known, home)
