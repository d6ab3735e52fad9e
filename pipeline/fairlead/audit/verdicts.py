"""A record in words: sentences that can be quoted, and the report for people. Computes counts, no statistic.

Providers are named as the data names them. Every number is taken from the record, so that a sentence
cannot outlive the data it was said of.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import textwrap
from collections.abc import Iterator, Mapping

from fairlead.audit.burst import MedianRange
from fairlead.audit.record import Bar, Control, Pair, Record
from fairlead.problems import visible
from fairlead.windows import Outcome

WIDTH = 100  # columns
QUANTITY_WORDS: Mapping[str, str] = {
    "ttft_ms": "time to first token",
    "tokens_per_e2e_tps": "tokens a second",
}
BAR_WORDS: Mapping[Bar, str] = {
    Bar.DAYS: "the two runs are of different days",
    Bar.FAILURES: "a run failed too often",
    Bar.SAMPLE: "a run left too few answers to measure",
    Bar.INCOMPLETE: "a run is void by the board's limits",
}


FAILURE_WORDS: Mapping[Outcome, str] = {
    Outcome.RATE_LIMITED: "turned away by a rate limit",
    Outcome.WRONG_LENGTH: "answered too briefly",
    Outcome.SERVER_ERROR: "met by a server error",
    Outcome.TIMEOUT: "timed out",
    Outcome.UNKNOWN: "failed for a reason not recorded",
}  # the classes that an import can tell


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """A sentence to quote, and what it rests on."""

    claim: str
    detail: str


def verdicts(record: Record) -> tuple[Verdict, ...]:
    """What the record can bear and what it cannot, the plainest first; nothing of a record without runs."""
    if not record.entries:
        return ()
    makers = (_failed, _unranked, _kept_out, _days, _left, _barred, _open, _too_generous, _tails)
    return tuple(verdict for maker in makers for verdict in maker(record))


def _failed(record: Record) -> Iterator[Verdict]:
    requests = sum(entry.requests for entry in record.entries)
    failed = sum(entry.requests - entry.successes for entry in record.entries)
    if not failed:
        return
    classes: collections.Counter[Outcome] = collections.Counter()
    for entry in record.entries:
        classes.update({part.outcome: part.count for part in entry.failures})
    said = ", ".join(f"{number:,} {failure_words(outcome)}" for outcome, number in classes.most_common())
    providers = len({entry.provider for entry in record.entries})
    yield Verdict(
        f"{failed:,} of {requests:,} requests failed.",
        f"{count(len(record.entries), 'run')} of {count(providers, 'provider')}; of the failed ones {said}. "
        "What counts as failed is what the tool of 2023 wrote down as such.",
    )


def failure_words(outcome: Outcome) -> str:
    """A class of failure in words."""
    return FAILURE_WORDS.get(outcome, outcome.replace("_", " "))


def _unranked(record: Record) -> Iterator[Verdict]:
    yield Verdict(
        f"None of the {count(len(record.entries), 'run')} could be ranked here.",
        "Each is a single burst at a single hour, by a client whose own error is not known. One burst does "
        "not show how the next would have been, so it gives no honest margin of error. This board compares "
        f"providers over at least {record.rules.rounds_min} rounds that they share; here they share none.",
    )


def _kept_out(record: Record) -> Iterator[Verdict]:
    if not record.kept_out:
        return
    said = []
    for provider, group in itertools.groupby(
        sorted(record.kept_out, key=lambda entry: entry.provider), key=lambda entry: entry.provider
    ):
        entries = list(group)
        of = sum(entry.provider == provider for entry in record.entries)
        each = ", ".join(f"{entry.successes} of {entry.requests}" for entry in entries)
        said.append(f"{provider} in {len(entries)} of {count(of, 'run')} ({each} requests succeeded)")
    short = [entry for entry in record.kept_out if Bar.SAMPLE in entry.own]
    few = f" {len(short)} of them also left too few answers for a burst to count." if short else ""
    least = f"{record.rules.success_rate_min * 100:g} of 100"
    yield Verdict(
        f"{len(record.kept_out)} of them had no business in a ranking, however measured.",
        f"{'; '.join(said)}. This board ranks nobody whose requests succeed in fewer than {least}.{few} Why "
        "requests failed is not judged: a rate limit may be one of the account that was used, a short answer "
        "the model's choice.",
    )


def _days(record: Record) -> Iterator[Verdict]:
    days = collections.defaultdict(set)
    for entry in record.entries:
        days[entry.model].add(entry.written.date())
    model, most = max(days.items(), key=lambda item: len(item[1]))
    if len(most) < 2:
        return
    yield Verdict(
        f"The runs of {record.models[model]} are of {len(most)} different days.",
        f"From {min(most)} to {max(most)}, by the time that each result file states. What another day, "
        "another hour or another version of a service did cannot be told from what a provider did.",
    )


def _left(record: Record) -> Iterator[Verdict]:
    if not record.pairs:
        return
    standing, left = len(record.standing), record.claimable
    claim = (
        f"Of {count(len(record.pairs), 'difference')} between two providers, {len(left)} can be claimed, "
        "and only of single bursts."
    )
    detail = (
        f"Every pair of runs of one model, in {' and in '.join(QUANTITY_WORDS.values())}. {standing} differ "
        "if each request is taken for independent and hour and place are ignored, the most generous reading "
        f"there is; {len(left)} of those were also made on one day, with few enough failures"
    )
    if not left:
        yield Verdict(claim, f"{detail}.")
        return
    said = "; ".join(_pair_words(record, pair) for pair in left)
    minutes = round(max(pair.apart_s for pair in left) / 60)
    yield Verdict(
        claim, f"{detail}: {said}. Their files were written at most {count(minutes, 'minute')} apart."
    )


def _barred(record: Record) -> Iterator[Verdict]:
    barred = [pair for pair in record.standing if pair.bars]
    if not barred:
        return
    numbers = {bar: sum(bar in pair.bars for pair in barred) for bar in BAR_WORDS}
    said = "; ".join(f"in {number}, {BAR_WORDS[bar]}" for bar, number in numbers.items() if number)
    yield Verdict(
        f"{len(barred)} differences look clear and still cannot be claimed.",
        f"{said[:1].upper()}{said[1:]}. One comparison may have several of these faults.",
    )


def _open(record: Record) -> Iterator[Verdict]:
    unclear = [pair for pair in record.pairs if not pair.stands]
    if not unclear:
        return
    said = "; ".join(_pair_words(record, pair) for pair in unclear)
    yield Verdict(f"{count(len(unclear), 'difference')} cannot be told from chance even so.", f"{said}.")


def _too_generous(record: Record) -> Iterator[Verdict]:
    differing = [control for control in record.controls if control.differs]
    if not differing:
        return
    said = "; ".join(_control_words(record, control) for control in differing)
    runs = len({(control.provider, control.model) for control in differing})
    own = "itself" if runs == 1 else "themselves"
    yield Verdict(
        f"By the same test {count(runs, 'run differs', 'runs differ')} from {own}.",
        f"{said}. That is one provider within one burst, which shows how little the most generous "
        f"reading asks for. {count(len(record.controls), 'control')} of this kind were made.",
    )


def _tails(record: Record) -> Iterator[Verdict]:
    if not record.uncarried:
        return
    said = "; ".join(
        f"{tail.figures} of {tail.of} at the {tail.statistic[1:]}th percentile, which needs {tail.needed}"
        for tail in reversed(record.uncarried)
    )
    total = sum(tail.figures for tail in record.uncarried)
    yield Verdict(
        f"{count(total, 'published figure')} of the slowest and fastest few rest on too few requests.",
        f"{said}. With fewer requests than that, a run may not hold a single one beyond the figure.",
    )


def method(record: Record) -> tuple[str, ...]:
    """How the record was read, in three sentences."""
    rules = record.rules
    return (
        f"Whether a run could be ranked is asked of the code that ranks this board, under methodology "
        f"{rules.methodology}.",
        f"A range reaches between two requests of the run such that, were they independent, it would hold "
        f"the median in {rules.confidence * 100:g} of 100 runs: it is the least that the uncertainty can be.",
        "Two runs differ if no single median fits both (empirical likelihood), with Holm's correction "
        "within each model and quantity, so that at most about "
        f"{rules.family_error * 100:g} in 100 such tables would show a difference where there is none.",
    )


def _pair_words(record: Record, pair: Pair) -> str:
    first, second = (record.entries[place].medians[pair.quantity] for place in pair.entries)
    return (
        f"{pair.better} and {pair.worse} in {QUANTITY_WORDS[pair.quantity]}, {record.models[pair.model]} "
        f"({_both(pair.quantity, _median(first), _median(second))})"
    )


def _control_words(record: Record, control: Control) -> str:
    halves = _both(control.quantity, control.first, control.second)
    return (
        f"{control.provider}, {record.models[control.model]}, {QUANTITY_WORDS[control.quantity]} in the "
        f"first and in the second half of its answers ({halves})"
    )


def _both(quantity: str, first: float, second: float) -> str:
    return f"{plain(quantity, first)} and {plain(quantity, second)}"


def plain(quantity: str, value: float) -> str:
    """A median as the published tables show theirs: seconds with two decimals, whole tokens a second."""
    return f"{value / 1000:.2f} s" if quantity == "ttft_ms" else f"{value:.0f} tokens/s"


def _median(found: MedianRange) -> float:
    assert found.median is not None
    return found.median.value


def count(number: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


# -- the report for people -----------------------------------------------------------------------


def render_record(record: Record) -> str:
    """The record for people, at most 100 columns wide: verdicts, a table a model, the method."""
    if not record.entries:
        return "No imported LLMPerf run is in this root: import the results first.\n"
    parts = [
        "\n".join(_filled(f"{verdict.claim} {verdict.detail}", "* ") for verdict in verdicts(record)),
        *(_model_table(record, model) for model in record.models),
        "Each range is the least that the uncertainty can be; it knows of one burst alone.",
        "\n".join(_filled(sentence, "") for sentence in method(record)),
    ]
    return "\n\n".join(parts) + "\n"


def _filled(text: str, mark: str) -> str:
    return textwrap.fill(
        visible(text), WIDTH, initial_indent=mark, subsequent_indent=" " * len(mark), break_on_hyphens=False
    )


def _model_table(record: Record, model: str) -> str:
    entries = [entry for entry in record.entries if entry.model == model]
    lines = [
        visible(record.models[model]),
        f"  {'':<14}  {'day':<10}  {'requests':>8}  {'failed':>6}  {'first token, s':>22}  {'tokens/s':>18}",
    ]
    for entry in entries:
        speed, ttft = entry.medians["tokens_per_e2e_tps"], entry.medians["ttft_ms"]
        lines.append(
            f"  {_cut(entry.provider, 14):<14}  {entry.written:%Y-%m-%d}  {entry.requests:>8}  "
            f"{entry.requests - entry.successes:>6}  {_range(ttft, 1000, 2):>22}  {_range(speed, 1, 0):>18}"
        )
        lines += [f"    kept out: {reason}" for reason in entry.own.values()]
    pairs = [pair for pair in record.pairs if pair.model == model]
    standing = [pair for pair in pairs if pair.stands]
    left = sum(not pair.bars for pair in standing)
    lines.append(
        f"  {count(len(pairs), 'comparison')}: {len(standing)} differ in that burst, {left} can be claimed"
    )
    return "\n".join(lines)


def _range(found: MedianRange, by: float, digits: int) -> str:
    if found.median is None:
        return found.reason or "none"
    shown = f"{found.median.value / by:.{digits}f}"
    if found.low is None or found.high is None:
        return shown
    return f"{shown} ({found.low.value / by:.{digits}f} to {found.high.value / by:.{digits}f})"


def _cut(text: str, width: int) -> str:
    shown = visible(text)
    return shown if len(shown) <= width else shown[: width - 1] + "…"
