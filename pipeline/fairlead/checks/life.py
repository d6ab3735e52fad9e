"""Events of a history: what each must say, what may follow what, and who may decide. Knows no number of days.

Whether a dispute is late or in effect is no fault of a file, so no check says it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterator, Mapping

from fairlead import governance
from fairlead.checks.context import Context, at, unknown
from fairlead.documents import Unreadable, read_bounded
from fairlead.life import is_claim, is_neutral, lives_of, open_disputes
from fairlead.model import Case, Claim, Event, History, Member, scenario_of
from fairlead.problems import Problem, nearest, pointer, quote
from fairlead.repository import MAX_PROSE_BYTES, ORGANISATIONS_PATH, Repository
from fairlead.rules import RULES

_DISPUTE_KINDS = ("disputed", "answered", "suspended", "upheld", "dismissed")
_APPROVED_KINDS = ("suspended", "upheld", "dismissed")
_NEUTRAL_KINDS = (*_DISPUTE_KINDS, "retracted")

# What may still happen once one of these has.
_AFTER: Mapping[str, tuple[str, ...]] = {
    "corrected": ("answered", "upheld", "dismissed", "withdrawn", "retracted"),
    "withdrawn": ("answered", "upheld", "dismissed", "retracted"),
    "retracted": (),
}


def _path(name: str) -> str:
    return f"submissions/{name}/history.yaml"


def _events(repository: Repository) -> Iterator[tuple[str, History, int, Event]]:
    for name, history in repository.histories.items():
        for index, event in enumerate(history.events):
            yield name, history, index, event


# -- one event -----------------------------------------------------------------------------------


def check_events_are_whole(repository: Repository, _context: Context) -> Iterator[Problem]:
    """An event says what its kind needs, and nothing that belongs to another kind."""
    for name, _, index, event in _events(repository):
        wanted: tuple[tuple[str, object, bool], ...] = (
            ("dispute", event.dispute, event.kind in _DISPUTE_KINDS),
            ("case", event.case, event.kind == "disputed"),
            ("superseded_by", event.superseded_by, event.kind == "corrected"),
        )
        for key, value, is_needed in wanted:
            if (value is not None) != is_needed:
                message = f"an event of kind `{event.kind}` {'needs' if is_needed else 'has no'} `{key}`"
                fix = f"say it in `{key}`" if is_needed else f"write `{key}: null`"
                where = pointer("events", index, key)
                yield at(repository, _path(name), "LIFE001", where, message, fix=fix)
        if event.approvals and event.kind not in _APPROVED_KINDS:
            message = f"an event of kind `{event.kind}` is approved by nobody"
            where = pointer("events", index, "approvals")
            yield at(repository, _path(name), "LIFE001", where, message, fix="write `approvals: []`")
        if event.by is None and event.kind != "submitted":
            message = f"an event of kind `{event.kind}` names who did it"
            fix = "give the GitHub login and the numeric id of whoever did it"
            where = pointer("events", index, "by")
            yield at(repository, _path(name), "LIFE001", where, message, fix=fix)


def check_event_sequence(repository: Repository, _context: Context) -> Iterator[Problem]:
    """Nothing follows an end that it cannot follow; the board's own rounds are submitted by nobody."""
    for name, history in repository.histories.items():
        ended: str | None = None
        for index, event in enumerate(history.events):
            where = pointer("events", index, "kind")
            if is_neutral(name) and event.kind not in _NEUTRAL_KINDS:
                message = f"neutral rounds are never {quote(event.kind)}"
                fix = "delete the event; rounds of the board's own are disputed or retracted"
                yield at(repository, _path(name), "LIFE002", where, message, fix=fix)
            elif ended is not None and event.kind not in _AFTER[ended]:
                message = f"it was {ended} above"
                expected = " or ".join(map(quote, _AFTER[ended])) or "no event after this one"
                fix = "delete the event; what comes after belongs to another submission"
                yield at(repository, _path(name), "LIFE002", where, message, expected=expected, fix=fix)
            if event.kind in _AFTER:
                ended = event.kind


def check_disputes_are_numbered(repository: Repository, _context: Context) -> Iterator[Problem]:
    """Disputes are numbered as they come: 1, 2, 3."""
    for name, history in repository.histories.items():
        opened = [(index, event) for index, event in enumerate(history.events) if event.kind == "disputed"]
        for wanted, (index, event) in enumerate(opened, start=1):
            if event.dispute is not None and event.dispute != wanted:
                message, where = f"this is dispute {wanted} of the file", pointer("events", index, "dispute")
                fix = f"write `dispute: {wanted}`"
                yield at(repository, _path(name), "LIFE003", where, message, fix=fix)


def check_disputes_exist(repository: Repository, _context: Context) -> Iterator[Problem]:
    """What answers or decides a dispute finds it above, and undecided; a dispute suspends only once."""
    for name, history in repository.histories.items():
        opened: set[int | None] = set()
        settled: dict[tuple[int | None, str], int] = {}
        for index, event in enumerate(history.events):
            if event.kind == "disputed":
                opened.add(event.dispute)
            if event.kind not in _DISPUTE_KINDS[1:] or event.dispute is None:
                continue
            message = None if event.dispute in opened else f"no dispute {event.dispute} was opened above"
            for kind in ("decided", event.kind):
                first = settled.get((event.dispute, kind))
                if first is not None:
                    message = f"event {first + 1} says `{history.events[first].kind}` of it already"
            if event.kind != "answered":
                kind = "suspended" if event.kind == "suspended" else "decided"
                settled.setdefault((event.dispute, kind), index)
            if message is not None:
                fix = "name an undecided dispute of this file; who has something new opens another one"
                where = pointer("events", index, "dispute")
                yield at(repository, _path(name), "LIFE003", where, message, fix=fix)


# -- what a dispute rests on ---------------------------------------------------------------------


def check_cases(repository: Repository, _context: Context) -> Iterator[Problem]:
    """A dispute names a rule, a row of this folder and organisations that exist."""
    clauses: frozenset[str] | None = None
    files = _windows_by_folder(repository)
    for name, _, index, event in _events(repository):
        case, where = event.case, pointer("events", index, "case")
        if case is None or event.kind != "disputed":
            continue
        if case.rule not in RULES and clauses is None:
            clauses = clauses_of(repository)
        known: Collection[str] = (clauses or frozenset()) if case.rule.startswith("M-") else RULES
        if case.rule not in known:
            meant = nearest(case.rule, known)
            message = f"no rule or clause is called {quote(case.rule)}"
            fix = (
                f"write `{meant}`" if meant else "name a rule of the page of rules, or a clause of the method"
            )
            yield at(repository, _path(name), "LIFE004", f"{where}/rule", message, fix=fix)
        if case.row is not None and not _is_row_of(repository, name, case.row, files.get(name, ())):
            message = f"{quote(name, 80)} holds no window of this row"
            fix = "copy the row from `fairlead rank --json`, or write null for all that the folder holds"
            yield at(repository, _path(name), "LIFE004", f"{where}/row", message, fix=fix)
        yield from _disputed_figure(repository, name, where, case)
        for place, interest in enumerate(case.interests or ()):
            party = (_path(name), f"{where}/interests/{place}/party")
            home = ORGANISATIONS_PATH
            yield from unknown(repository, party, "REF006", interest.party, repository.organisations, home)


def clauses_of(repository: Repository) -> frozenset[str]:
    """The clauses of every methodology version, as its text names them."""
    found: set[str] = set()
    for version in repository.methodologies:
        path = repository.root / f"methodology/versions/{version}/methodology.md"
        try:
            text = read_bounded(path, MAX_PROSE_BYTES).decode("utf-8", errors="replace")
        except Unreadable:
            continue  # a problem of its own
        found.update(re.findall(r"^\*\*(M-[0-9]+\.[0-9]+)\*\*", text, re.MULTILINE))
    return frozenset(found)


def _windows_by_folder(repository: Repository) -> dict[str, list[str]]:
    """The window files of each submission, its reruns included, and of neutral rounds."""
    found: dict[str, list[str]] = {}
    for manifest in repository.manifests():
        folder = "/".join(manifest.folder.split("/")[1:3])
        found.setdefault(folder, []).extend(raw.file for raw in manifest.windows)
    return found


def _is_row_of(repository: Repository, name: str, row: str, files: Collection[str]) -> bool:
    """Whether one of a folder's windows could be of this row; by names alone."""
    model, scenario, _, provider, _, origin, _, *rest = row.split("/")
    is_owner = provider in repository.providers if is_neutral(name) else provider == name.partition("/")[0]
    is_origin = origin == "neutral" if is_neutral(name) else origin in ("claim", "imported", "neutral")
    if origin != "neutral" and rest[:1] != [name.partition("/")[2]]:
        return False
    return is_owner and is_origin and any(scenario_of(file, model) == scenario for file in files)


def _disputed_figure(repository: Repository, name: str, where: str, case: Case) -> Iterator[Problem]:
    """A figure that is said to recompute otherwise was claimed, there and so."""
    figure = case.figure
    if figure is None:
        return
    if case.row is None or not is_claim(case.row):
        message = "only a claim can be held against its own raw windows"
        fix = "name the claim's row in `row`, or write `figure: null`"
        yield at(repository, _path(name), "LIFE005", f"{where}/figure", message, fix=fix)
        return
    submission = repository.submissions.get(name)
    claims = [claim for claim in submission.claims if _is_of(claim, case.row)] if submission else []
    values = {claim.metric: claim.value for claim in claims}
    if figure.metric not in values:
        meant = nearest(figure.metric, values)
        message = f"the submission claims no {quote(figure.metric)} of this row"
        fix = f"write `{meant}`" if meant else "name a figure that was claimed, or write `figure: null`"
        yield at(repository, _path(name), "LIFE005", f"{where}/figure/metric", message, fix=fix)
    elif values[figure.metric] != figure.claimed:
        message = f"the claimed value is {values[figure.metric]:.12g}"
        fix = "write the value as it stands in submission.yaml"
        yield at(repository, _path(name), "LIFE005", f"{where}/figure/claimed", message, fix=fix)


def _is_of(claim: Claim, row: str) -> bool:
    model, scenario, _, _, endpoint, *_ = row.split("/")
    return (claim.model, claim.scenario, claim.endpoint) == (model, scenario, endpoint)


def check_open_disputes(repository: Repository, context: Context) -> Iterator[Problem]:
    """Nobody has more disputes open at a time than the rules allow; the newest ones are too many."""
    rules = repository.rules
    if rules is None:
        return
    most = rules.disputes.open_per_person_max
    for disputes in open_disputes(lives_of(repository, context.now).values()).values():
        for dispute in disputes[most:]:
            history = repository.histories[dispute.folder]
            where = pointer("events", history.events.index(dispute.opened), "by")
            login = quote(dispute.opened.by.login if dispute.opened.by else "")
            message = f"{login} has {most} other disputes open already"
            fix = "wait until one is decided"
            yield at(repository, _path(dispute.folder), "LIFE006", where, message, fix=fix)


# -- who decides ---------------------------------------------------------------------------------


def check_approvals(repository: Repository, _context: Context) -> Iterator[Problem]:
    """Enough company groups decided, each by somebody seated on that day and without an interest."""
    register = governance.register_of(repository)
    if register is None:
        return
    members = {member.github.id: name for name, member in register.members.items()}
    for name, history in repository.histories.items():
        opened = {event.dispute: event for event in history.events if event.kind == "disputed"}
        for index, event in enumerate(history.events):
            if event.kind not in _APPROVED_KINDS:
                continue
            is_panel, where = event.kind != "suspended", pointer("events", index, "approvals")
            rules = register.rules
            least = rules.disputes.panelists_min if is_panel else rules.suspension.approvals_min
            groups = _groups(register, event, members)
            if len(groups) < least:
                who = "panelists" if is_panel else "members without ties"
                expected = f"at least {least} {who}, each of another company group"
                message, fix = (
                    f"company groups that approved: {len(groups)}",
                    "add the approvals given, or wait for more",
                )
                yield at(repository, _path(name), "LIFE007", where, message, expected=expected, fix=fix)
            dispute = opened.get(event.dispute)
            parties = _parties(repository, name, event, dispute)
            for place, person in enumerate(event.approvals):
                found = members.get(person.id, "")
                code, said = "LIFE008", _objection(register.members.get(found), event, is_panel=is_panel)
                if said is None:
                    code, said = "LIFE009", _conflict(register, found, event, dispute, parties)
                if said is not None:
                    fix = "take the approval out; somebody else has to give it"
                    message = f"{quote(person.login)} {said}"
                    yield at(repository, _path(name), code, f"{where}/{place}/id", message, fix=fix)


def _groups(register: governance.Register, event: Event, members: Mapping[int, str]) -> set[str | int]:
    """The company groups that approved; whoever is no member is one, and a problem of its own."""
    return {
        governance.group_of(register, members[person.id], _day(event)) if person.id in members else person.id
        for person in event.approvals
    }


def _objection(member: Member | None, event: Event, *, is_panel: bool) -> str | None:
    """Why somebody cannot approve anything on that day."""
    if member is None:
        return "is no member"
    if not member.seated <= _day(event) <= member.term_until:
        return f"was not seated on {_day(event)}"
    if is_panel and "panelist" not in member.roles:
        return "is no panelist"
    return None


def _conflict(
    register: governance.Register, name: str, event: Event, opened: Event | None, parties: Collection[str]
) -> str | None:
    """Why somebody cannot approve this."""
    if opened is not None and opened.by is not None and opened.by.id == register.members[name].github.id:
        return "opened the dispute"
    ties = governance.ties_to(register, name, parties, _day(event), to_any_provider=event.kind == "suspended")
    return f"has an interest in {quote(ties[0].group)} ({ties[0].rule}): {ties[0].why}" if ties else None


def _parties(repository: Repository, name: str, event: Event, opened: Event | None) -> frozenset[str]:
    """The organisations that a decision touches: those of the row's providers and those that the disputer is
    tied to; of a suspension, which a rival could use, the organisations of all providers."""
    case = opened.case if opened else None
    if event.kind == "suspended":
        names: Collection[str] = repository.providers
    elif case is not None and case.row is not None:
        names = [case.row.split("/")[3]]
    else:
        names = repository.providers if is_neutral(name) else [name.partition("/")[0]]
    providers = [repository.providers[one] for one in names if one in repository.providers]
    own = {p.organisation for p in providers if p.organisation is not None and p.status != "reference"}
    return frozenset(own | {interest.party for interest in (case.interests if case else None) or ()})


def _day(event: Event) -> dt.date:
    return event.at.astimezone(dt.UTC).date()


# -- corrections ---------------------------------------------------------------------------------


def check_corrections(repository: Repository, _context: Context) -> Iterator[Problem]:
    """What supersedes a submission is there, is of the same provider, and says that it corrects this one."""
    for name, _, index, event in _events(repository):
        if event.kind != "corrected" or event.superseded_by is None:
            continue
        provider, _, folder = name.partition("/")
        other, where = f"{provider}/{event.superseded_by}", pointer("events", index, "superseded_by")
        if f"submissions/{other}/submission.yaml" in repository.broken:
            continue
        found = repository.submissions.get(other)
        if found is None:
            own = [one.partition("/")[2] for one in repository.submissions if one.startswith(f"{provider}/")]
            meant = nearest(event.superseded_by, [one for one in own if one != folder])
            message = f"{quote(provider)} has no submission {quote(event.superseded_by)}"
            fix = f"write `{meant}`" if meant else "submit the correction first"
            yield at(repository, _path(name), "LIFE010", where, message, fix=fix)
        elif found.corrects != folder:
            message = f"{quote(event.superseded_by)} does not say that it corrects this one"
            fix = f"write `corrects: {folder}` in its submission.yaml, or name another"
            yield at(repository, _path(name), "LIFE010", where, message, fix=fix)
