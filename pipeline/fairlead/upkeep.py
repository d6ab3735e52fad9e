"""What a board needs somebody's eye for, and who that is. Knows no clock, no forge and no rank.

Nothing here decides anything: a reminder is a sentence about data that is right today.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence

from fairlead.clock import NS_PER_S, unix_ns_of
from fairlead.life import Phase, lives_of, sentence
from fairlead.model import Member
from fairlead.profile import AgeState, StaleRules, age_state
from fairlead.repository import Repository
from fairlead.snapshots import FOLDER

PRICE_DAYS, TERM_DAYS, INTEREST_DAYS = 90, 60, 365

#: Which paths the holders of a role are asked about, first the widest: the last line that fits counts.
_OWNED: Sequence[tuple[str, str]] = (
    ("*", "maintainer"),
    ("/methodology/", "steward"),
    ("/submissions/", "maintainer"),
    ("/.github/", "steward"),
    ("/pipeline/fairlead/measure/policy.py", "steward"),
)


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Reminder:
    """What to look at, and why: ``kind`` groups the like, ``path`` is the file that holds it."""

    kind: str
    path: str
    sentence: str


def codeowners(members: Mapping[str, Member], on: dt.date) -> str:
    """The text of CODEOWNERS on a day: for each path the seated members who are asked about it.

    A path whose role nobody holds is left out, for a line without an owner takes its owners away.
    """
    lines = ["# Written by `fairlead codeowners` from methodology/governance/members/; never by hand."]
    seated = [member for _, member in sorted(members.items()) if member.seated <= on < member.term_until]
    for path, role in _OWNED:
        owners = [f"@{member.github.login}" for member in seated if role in member.roles]
        if owners:
            lines.append(f"{path} {' '.join(owners)}")
    if len(lines) == 1:
        lines.append("# Nobody is seated yet.")
    return "\n".join(lines) + "\n"


def reminders(
    repository: Repository,
    *,
    rows: Iterable[tuple[str, int, StaleRules]],
    last_changed: Mapping[str, dt.date],
    now: dt.datetime,
    unfrozen: str | None = None,
) -> list[Reminder]:
    """Everything that needs an eye, in the order of kinds and paths.

    ``rows``: the id of each row, when it ended in unix ns, and the rules of its age. ``last_changed``: the
    day on which files were last changed, where it is known. ``unfrozen``: a quarter that is over and has no
    snapshot.
    """
    today = now.date()
    found = [
        *_stale(rows, unix_ns_of(now)),
        *_prices(repository, today),
        *_terms(repository, today),
        *_interests(repository, last_changed, today),
        *_disputes(repository, now),
        *_snapshot(unfrozen),
    ]
    return sorted(found)


def _stale(rows: Iterable[tuple[str, int, StaleRules]], now_unix_ns: int) -> Iterator[Reminder]:
    for name, last_unix_ns, rules in rows:
        state = age_state(last_unix_ns, now_unix_ns, rules)
        if state in (AgeState.STALE, AgeState.EXPIRED):
            days = (now_unix_ns - last_unix_ns) // (86_400 * NS_PER_S)
            yield Reminder("row", name, f"its last window is {days} days old")


def _prices(repository: Repository, today: dt.date) -> Iterator[Reminder]:
    for name, provider in repository.providers.items():
        if provider.status != "active":
            continue
        for endpoint in provider.endpoints:
            for served in endpoint.models:
                seen = max((price.retrieved for price in served.prices), default=None)
                if seen is None or (today - seen).days > PRICE_DAYS:
                    when = f"was last looked up on {seen}" if seen else "was never looked up"
                    sentence = f"the price of {served.model} at {endpoint.id} {when}"
                    yield Reminder("price", f"providers/{name}.yaml", sentence)


def _terms(repository: Repository, today: dt.date) -> Iterator[Reminder]:
    for name, member in repository.members.items():
        left = (member.term_until - today).days
        if left <= TERM_DAYS:
            verb = "ends" if left > 0 else "ended"
            path = f"methodology/governance/members/{name}.yaml"
            yield Reminder("term", path, f"the term of {member.name} {verb} on {member.term_until}")


def _interests(
    repository: Repository, last_changed: Mapping[str, dt.date], today: dt.date
) -> Iterator[Reminder]:
    """Who said what ties them longer ago than a year, and should say it again."""
    paths = [f"methodology/governance/members/{name}.yaml" for name in repository.members]
    paths += [
        f"providers/{name}.yaml" for name, entry in repository.providers.items() if entry.status == "active"
    ]
    for path in paths:
        said = last_changed.get(path)
        if said is not None and (today - said).days > INTEREST_DAYS:
            yield Reminder(
                "interest", path, f"its interests were last stated on {said}: ask whether they still hold"
            )


def _snapshot(quarter: str | None) -> Iterator[Reminder]:
    if quarter is not None:
        words = f"{quarter} is over and not frozen: `fairlead snapshot {quarter}`"
        yield Reminder("snapshot", f"{FOLDER}/{quarter}", words)


def _disputes(repository: Repository, now: dt.datetime) -> Iterator[Reminder]:
    """What waits for an answer or for panelists."""
    for folder, life in lives_of(repository, now).items():
        for dispute in life.disputes:
            if dispute.is_open:
                who = "the answer" if dispute.phase is Phase.OPEN else "panelists"
                words = f"dispute {dispute.number} waits for {who}: {sentence(dispute, now)}"
                yield Reminder("dispute", f"submissions/{folder}/history.yaml", words)
