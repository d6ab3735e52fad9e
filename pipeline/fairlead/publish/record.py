"""The record of 2023 as blocks of a page. Computes nothing: what a record says, with the way to its evidence.

Where a root holds imported runs the record is made from them, and evidence is their raw files. Elsewhere
it is the one that ships with the site, and evidence is the public files that its requests are of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fairlead.audit.burst import MedianRange, Observed
from fairlead.audit.record import Bar, Entry, Pair, Record
from fairlead.audit.verdicts import BAR_WORDS, QUANTITY_WORDS, count, failure_words, method, verdicts
from fairlead.publish import figures, markup
from fairlead.publish.edition import raw_url
from fairlead.publish.markup import Html, heading, join, link, number_cell, number_head, tag

_SOURCE = "https://github.com/ray-project/llmperf-leaderboard/blob/27aa9b6a6c4282f6d5599b9199fbb57256a2dcd8/raw_data/"
_HEADS = {"ttft_ms": ("Time to first token", "s"), "tokens_per_e2e_tps": ("Tokens a second", "tokens/s")}
_BAR_SHORT = {Bar.DAYS: "days", Bar.FAILURES: "failures", Bar.SAMPLE: "sample", Bar.INCOMPLETE: "void"}
URL = "record-2023/"


def verdict_blocks(record: Record) -> Sequence[str]:
    """The sentences that can be quoted, each with what it rests on."""
    said = verdicts(record)
    if not said:
        return [tag("p", "No run is in this record.", class_="fl-empty")]
    lines = (tag("li", tag("strong", one.claim), " ", one.detail) for one in said)
    return [tag("ul", *lines, class_="fl-verdicts")]


def table_blocks(record: Record, *, is_live: bool) -> Sequence[str]:
    """A section a model: its runs, every comparison of two of them, and where each number comes from."""
    return [block for model in record.models for block in _section(record, model, is_live=is_live)]


def method_blocks(record: Record) -> Sequence[str]:
    """How the record was read; and why a run of this form could not be ranked, in the board's words."""
    blocks: list[str] = [tag("p", " ".join(method(record)))]
    shared = dict.fromkeys(reason for entry in record.entries for reason in entry.of_form)
    if shared:
        blocks += [tag("p", "What the code said of the runs' form:"), markup.bullets(shared)]
    return blocks


def _section(record: Record, model: str, *, is_live: bool) -> Iterator[str]:
    entries = [entry for entry in record.entries if entry.model == model]
    pairs = [pair for pair in record.pairs if pair.model == model]
    yield heading(2, record.models[model], f"record-{record.entries.index(entries[0])}")
    yield _runs_table(record.models[model], entries)
    if pairs:
        left = sum(pair.stands and not pair.bars for pair in pairs)
        standing = sum(pair.stands for pair in pairs)
        words = f"{count(len(pairs), 'comparison')}: {standing} differ in these bursts, {left} can be claimed"
        yield _folded(words, _pairs_table(pairs))
    yield _folded("Where each number comes from", _evidence_table(entries, is_live=is_live))


def _folded(summary: str, table: Html) -> Html:
    return tag("details", tag("summary", summary), table, class_="fl-fold")


# -- the runs ------------------------------------------------------------------------------------


def _runs_table(name: str, entries: Sequence[Entry]) -> Html:
    heads = ["Provider", "Day", number_head("Requests"), number_head("Failed")]
    heads += [number_head(label, tag("small", unit, class_="fl-sub")) for label, unit in _HEADS.values()]
    rows = [_run_row(entry) for entry in entries]
    return markup.simple_table(f"Runs of {name}", [*heads, "In a ranking"], rows, "fl-board")


def _run_row(entry: Entry) -> Html:
    failed = entry.requests - entry.successes
    classes = ", ".join(f"{part.count} {failure_words(part.outcome)}" for part in entry.failures)
    said = join((str(failed), tag("small", classes, class_="fl-sub fl-wrap") if classes else None))
    verdict = "kept out: " + "; ".join(entry.own.values()) if entry.own else "kept out for its form alone"
    return markup.row(
        entry.provider,
        _day(entry),
        number_cell(f"{entry.requests:,}"),
        number_cell(said),
        *(_median_cell(entry, quantity) for quantity in _HEADS),
        tag("td", verdict, class_="fl-wide"),
    )


def _day(entry: Entry) -> Html:
    return join(
        (markup.day(entry.written.date()), tag("small", f"{entry.written:%H:%M} UTC", class_="fl-sub"))
    )


def _median_cell(entry: Entry, quantity: str) -> Html:
    found, published = entry.medians[quantity], entry.published.get(quantity)
    if found.median is None:
        return number_cell(
            join((tag("span", "–", class_="fl-none"), tag("small", found.reason, class_="fl-sub")))
        )
    between = found.reason
    if found.low is not None and found.high is not None:
        between = f"{_shown(quantity, found.low)} – {_shown(quantity, found.high)}"
    lines = [
        tag("span", _shown(quantity, found.median), class_="fl-value"),
        tag("small", between, class_="fl-sub"),
        tag("small", tag("i", "n"), f" {found.n:,}", class_="fl-sub"),
    ]
    if published is not None:
        lines.append(tag("small", f"published {published}", class_="fl-sub"))
    return number_cell(join(lines))


def _shown(quantity: str, observed: Observed) -> str:
    return figures.number(observed.value / 1000 if quantity == "ttft_ms" else observed.value)


# -- the comparisons -----------------------------------------------------------------------------


def _pairs_table(pairs: Iterable[Pair]) -> Html:
    heads = (
        "Better median",
        "Worse median",
        "In",
        number_head("Times"),
        number_head("p"),
        "In these bursts",
        "Forbidden by",
    )
    return markup.simple_table("Comparisons", heads, map(_pair_row, pairs), "fl-board")


def _pair_row(pair: Pair) -> Html:
    bars = (
        tag("span", _BAR_SHORT[bar], title=f"{BAR_WORDS[bar]}: {words}", class_="fl-bar")
        for bar, words in pair.bars.items()
    )
    p_value = "< 0.0001" if pair.p_value < 0.0001 else f"{pair.p_value:.2g}"
    return markup.row(
        pair.better,
        pair.worse,
        QUANTITY_WORDS[pair.quantity],
        number_cell(f"{pair.ratio:.2f}"),
        number_cell(p_value),
        "differ" if pair.stands else "not told apart",
        join(bars, ", ") or "nothing",
    )


# -- the evidence --------------------------------------------------------------------------------


def _evidence_table(entries: Sequence[Entry], *, is_live: bool) -> Html:
    heads = ["Provider", "File"]
    heads += [f"{label}: median and range are requests" for label, _ in _HEADS.values()]
    rows = [
        markup.row(
            entry.provider,
            _file(entry, is_live=is_live),
            *(_requests(entry.medians[quantity]) for quantity in _HEADS),
            tag("td", _failed_requests(entry), class_="fl-wide"),
        )
        for entry in entries
    ]
    return markup.simple_table("Evidence", [*heads, "Failed requests"], rows)


def _file(entry: Entry, *, is_live: bool) -> Html:
    where = (
        link(URL, raw_url(entry.window), entry.window.rpartition("/")[2])
        if is_live
        else markup.external(_SOURCE + entry.source, entry.source)
    )
    return tag("td", where, tag("small", f"sha256 {entry.source_sha256[:16]}…", class_="fl-sub"))


def _requests(found: MedianRange) -> str:
    numbers = [str(one.i) for one in (found.median, found.low, found.high) if one is not None]
    return " · ".join(numbers) or "none"


def _failed_requests(entry: Entry) -> str:
    return "; ".join(f"{failure_words(part.outcome)}: {part.requests}" for part in entry.failures) or "none"
