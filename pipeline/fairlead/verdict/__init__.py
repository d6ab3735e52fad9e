"""A claim held against neutral windows: pure, over what the committed files say. Knows no clock and no page.

Only the rerun of a claim judges it: windows that the board's runner measured for it, at the registered
vantage, by the methodology it was registered under. They are taken in order of time and looked at after
fixed counts; the first look that is sure decides, and no later window undoes it. Nothing of the provider's
enters but the claimed figure: not the spread of its windows, not its clock.

Only worse than claimed, by more than the margin, is `not_reproduced`. What cannot be computed is
`inconclusive` with its reason: a failed computation is never a verdict.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Mapping, Sequence

from fairlead import stats
from fairlead.metrics import Undefined, WindowTable
from fairlead.model import Claim, Methodology, Registration, Rerun, Submission
from fairlead.ranking import Evidence, interval_rules, window_value
from fairlead.repository import Repository
from fairlead.verdict.case import Case, Windows, case_of, windows_of
from fairlead.verdict.looks import limit_of, look_until_sure, may_decide
from fairlead.verdict.parts import (
    FIGURE_OF,
    STATE_WORDS,
    SUCCESS,
    ClaimVerdict,
    Measured,
    SetAside,
    State,
    SubmissionVerdict,
    as_data,
)

__all__ = [
    "STATE_WORDS",
    "ClaimVerdict",
    "Measured",
    "SetAside",
    "State",
    "SubmissionVerdict",
    "as_data",
    "judge_claims",
    "judge_repository",
    "judge_submission",
]


def judge_repository(repository: Repository, evidence: Iterable[Evidence]) -> dict[str, SubmissionVerdict]:
    """The verdict on every submission, by its name ``<provider>/<submission>``."""
    own: dict[str, list[Evidence]] = collections.defaultdict(list)
    controls: dict[tuple[str | None, str], list[Evidence]] = collections.defaultdict(list)
    for item in evidence:
        header = item.head
        if header.role == "control":
            controls[header.vantage, header.model].append(item)
        elif "/reruns/" in item.path:
            own["/".join(item.path.split("/")[1:3])].append(item)
    verdicts = {}
    for name in repository.submissions:
        places = dict.fromkeys((item.head.vantage, item.head.model) for item in own[name])
        beside = [item for place in places for item in controls[place]]
        verdicts[name] = judge_submission(repository, [*own[name], *beside], name)
    return verdicts


def judge_submission(
    repository: Repository, evidence: Iterable[Evidence], submission: str
) -> SubmissionVerdict:
    """The verdict on one submission. ``evidence``: at least its reruns', and all of the control there.

    Raises:
        KeyError: there is no such submission.
    """
    prefix = f"{submission}/reruns/"
    return judge_claims(
        submission,
        repository.submissions[submission],
        repository.registrations.get(submission),
        {name: rerun for name, rerun in repository.reruns.items() if name.startswith(prefix)},
        evidence,
        repository.methodologies,
    )


def judge_claims(
    name: str,
    submission: Submission,
    registration: Registration | None,
    reruns: Mapping[str, Rerun],
    evidence: Iterable[Evidence],
    methodologies: Mapping[str, Methodology],
) -> SubmissionVerdict:
    """The same from its parts. ``reruns``: by ``<provider>/<submission>/reruns/<rerun>``; one that is under
    way need not be there yet."""
    case = case_of(name, submission, registration, reruns, evidence, methodologies)
    if isinstance(case, str):
        verdicts = [ClaimVerdict(claim, State.INCONCLUSIVE, True, reason=case) for claim in submission.claims]
    else:
        verdicts = [_judge(claim, case) for claim in submission.claims]
    return SubmissionVerdict(name, tuple(verdicts))


def _judge(claim: Claim, case: Case) -> ClaimVerdict:
    margin, limit = limit_of(claim, case.methodology)
    largest = 1 if claim.metric == SUCCESS else 1e9  # no latency is as long, in ms, and no speed as high
    if not 1e-9 < claim.value <= largest:
        reason = f"{claim.value:g} is no value that {FIGURE_OF[claim.metric].label} can have"
        return ClaimVerdict(claim, State.INCONCLUSIVE, True, case.vantage, margin, limit, reason=reason)
    windows = windows_of(claim, case)
    usable, lost = list[Evidence](), list[SetAside]()
    for item in windows.rounds:
        if _is_usable(item.table, claim, case.methodology):
            usable.append(item)
        else:
            lost.append(SetAside(item.path, _no_value(item.table, claim)))
    outcome = look_until_sure(claim, usable, windows, case)
    state, open_reason = outcome.state, None
    if state is State.INCONCLUSIVE:
        open_reason = _why_open(claim, windows, usable, case)
        if windows.elsewhere and not windows.rounds:
            state = State.NOT_COMPARABLE
    is_decided = state in (State.REPRODUCED, State.NOT_REPRODUCED)
    return ClaimVerdict(
        claim=claim,
        state=state,
        is_final=is_decided or len(windows.rounds) >= case.stopping.looks[-1],
        vantage=case.vantage,
        margin=margin,
        limit=limit,
        measured=outcome.measured,
        windows=tuple(item.path for item in usable[: outcome.windows]),
        set_aside=windows.set_aside,
        lost=tuple(lost),
        reason=open_reason,
    )


def _why_open(claim: Claim, windows: Windows, usable: Sequence[Evidence], case: Case) -> str:
    """Why a claim is not decided, or not yet."""
    last = case.stopping.looks[-1]
    if not windows.rounds:
        if windows.set_aside:
            return f"no window counts: {windows.set_aside[-1].reason}"
        return f"no rerun has measured {claim.model} under {claim.scenario} yet"
    if not usable:
        return "no window gives the figure"
    if len(usable) >= case.stopping.looks[0] and not may_decide(usable, windows, case):
        return f"windows of {case.stopping.hours_min} hours of the day are needed, and few invalid ones"
    if len(windows.rounds) >= last:
        return f"these are all the windows there may be, {last}, and it can be either"
    return f"too few windows to tell; there may be up to {last}"


def _no_value(table: WindowTable, claim: Claim) -> str:
    if claim.metric == "system_throughput_tps" and isinstance(table.throughput_tps, Undefined):
        return table.throughput_tps.reason
    return f"{table.successes} of {table.requests} requests succeeded"


def _is_usable(table: WindowTable, claim: Claim, methodology: Methodology) -> bool:
    """Whether a window gives the claim's figure: successes enough for a quantile, any request for a rate."""
    figure = FIGURE_OF[claim.metric]
    if claim.metric == SUCCESS:
        return table.requests > 0
    if figure.metric is not None and figure.q is not None:
        needed = stats.quantile_sample_min(figure.q, interval_rules(methodology).confidence)
        if len(table.values[figure.metric]) < needed:
            return False
    return (window_value(table, figure) or 0) > 0
