"""Which windows judge a claim: those of its reruns that count, one a round. Knows no figure, no error."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from fairlead.model import Claim, Methodology, Registration, Rerun, StoppingRules, Submission
from fairlead.ranking import Evidence, Origin
from fairlead.verdict.parts import SetAside, row_of


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """What all claims of a submission are judged by. ``neutral``: every neutral window, in order of time."""

    name: str
    vantage: str
    methodology: Methodology
    stopping: StoppingRules
    reruns: Mapping[str, Rerun]
    neutral: Sequence[Evidence]


def case_of(
    name: str,
    submission: Submission,
    registration: Registration | None,
    reruns: Mapping[str, Rerun],
    evidence: Iterable[Evidence],
    methodologies: Mapping[str, Methodology],
) -> Case | str:
    """The case, or why no window could ever judge a claim of this submission."""
    if submission.origin == "imported":
        return "imported from another tool: nobody registered where and how it is to be measured again"
    if registration is None:
        return "there is no registration, which says where and by which methodology it is judged"
    version = registration.methodology.version
    if version not in methodologies:
        return f"methodology {version} is not known here"
    stopping = methodologies[version].verdict.stopping
    if stopping is None:
        return f"methodology {version} has no stopping rule, so no number of windows is enough"
    neutral = sorted(
        (item for item in evidence if item.origin is Origin.NEUTRAL),
        key=lambda item: (item.head.start_unix_ns, item.path),
    )
    return Case(name, registration.vantage, methodologies[version], stopping, reruns, neutral)


@dataclasses.dataclass(frozen=True, slots=True)
class Windows:
    """The windows of a claim's reruns that count, one a round, and those that do not.

    ``invalid_ns``: when the invalid ones began. ``elsewhere``: how many were measured at another vantage.
    """

    rounds: tuple[Evidence, ...]
    set_aside: tuple[SetAside, ...]
    invalid_ns: tuple[int, ...]
    elsewhere: int


def round_of(item: Evidence) -> str:
    """The round that a window stands in, by folder and name; a window without one is a round by itself."""
    header = item.table.header
    return f"{item.path.rpartition('/windows/')[0]}/{header.round}" if header.round else item.path


def windows_of(claim: Claim, case: Case) -> Windows:
    """The windows that this submission's reruns hold of a claim."""
    provider = case.name.split("/")[0]  # rivals stand in the same rounds, under the same names of endpoints
    rounds: dict[str, Evidence] = {}
    aside, invalid_ns, elsewhere = list[SetAside](), list[int](), 0
    for item in case.neutral:
        header = item.head
        is_rerun = item.path.startswith(f"submissions/{case.name}/reruns/") and header.role == "subject"
        measured = (header.endpoint, header.model, item.scenario)
        if not is_rerun or header.provider != provider or measured != row_of(claim):
            continue
        key = round_of(item)
        reason = _reason_against(item, case) or ("a second window of its round" if key in rounds else None)
        if reason is None:
            rounds[key] = item
            continue
        aside.append(SetAside(item.path, reason))
        if header.vantage != case.vantage:
            elsewhere += 1
        elif item.invalid:
            invalid_ns.append(item.head.start_unix_ns)
    return Windows(tuple(rounds.values()), tuple(aside), tuple(invalid_ns), elsewhere)


def _reason_against(item: Evidence, case: Case) -> str | None:
    header, expected = item.head, case.methodology.version
    version = header.methodology
    if header.vantage != case.vantage:
        return f"measured at {header.vantage}, and the claim is registered at {case.vantage}"
    if version != expected:
        return f"measured by methodology {version}, and the claim by {expected}"
    rerun = case.reruns.get(item.path.removeprefix("submissions/").rpartition("/windows/")[0])
    if rerun is not None:
        early_ns = rerun.started.timestamp() * 1e9 - item.head.start_unix_ns
        if early_ns > case.methodology.limits.clock_step_ms * 1e6:
            return "it began before its rerun did, so their clocks disagree"
    return "invalid: " + "; ".join(item.invalid) if item.invalid else None
