"""When the rows of a model were measured: hours, days, drift and age in words. Ranks nothing.

Every state of an hour is a word or a number in its cell; no colour says anything.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from fairlead import profile, ranking, stats
from fairlead.clock import moment_of
from fairlead.metrics import Undefined
from fairlead.model import Methodology
from fairlead.profile import Bin, Coverage, Drift, Sampling, TimeRules
from fairlead.publish import api, exports, figures, markup, results
from fairlead.publish.edition import Edition, Page, by_family, model_url
from fairlead.publish.kept import Kept
from fairlead.publish.markup import Html, number_cell, number_head, tag
from fairlead.ranking import Evidence, Family, Row

#: For an early draft that states none, and nothing is ranked by it. Two whole weeks: its days differ.
DRIFT_DAYS_MIN = 14
DRIFT_METRICS = ("ttft_ms", "output_speed_tps")
_METRIC_WORDS = {"ttft_ms": "TTFT p50", "output_speed_tps": "output speed p50"}
DAYS_SHOWN = 14
_REASONS_SHOWN = 3


def time_rules(methodology: Methodology) -> TimeRules:
    """The numbers for time of a methodology. Of an early draft: the days that a rank may rest on."""
    stated = methodology.time
    return TimeRules(
        day_seconds=methodology.day_seconds,
        intervals=ranking.interval_rules(methodology),
        drift_days_min=stated.drift_days_min if stated else DRIFT_DAYS_MIN,
        drift_days_max=stated.drift_days_max if stated else methodology.ranking.stale_unranked_days,
    )


@dataclasses.dataclass(frozen=True, slots=True)
class RowTime:
    """What is said of one row's time: its hours, its last days, its coverage, and its drift by metric."""

    row: Row
    hours: tuple[Bin, ...]
    days: tuple[Bin, ...]
    coverage: Coverage
    drifts: Mapping[str, Drift | Undefined]


def row_time(row: Row, rules: TimeRules, kept: Kept | None = None) -> RowTime | Undefined:
    """Hours, days, coverage and drift of a row; undefined where its windows have no time of their own."""
    found = (kept or Kept()).made_of(_time_of, row.evidence, rules)
    return found if isinstance(found, Undefined) else RowTime(row, *found)


_Time: TypeAlias = tuple[tuple[Bin, ...], tuple[Bin, ...], Coverage, Mapping[str, Drift | Undefined]]


def _time_of(windows: Sequence[Evidence], rules: TimeRules) -> _Time | Undefined:
    line = profile.timeline(windows)
    if isinstance(line, Undefined):
        return line
    return (
        profile.hour_bins(line, rules),
        profile.day_bins(line, rules, latest=DAYS_SHOWN),
        profile.coverage(line, rules),
        {metric: profile.drift(line, metric, rules) for metric in DRIFT_METRICS},
    )


def time_of(edition: Edition, row: Row) -> RowTime | Undefined:
    """The same by the row's own methodology; made once an edition."""
    rules = time_rules(_methodology(edition, row.family))
    return edition.once("time", row, lambda: row_time(row, rules, edition.kept))


def _methodology(edition: Edition, family: Family) -> Methodology:
    return ranking.methodology_of(edition.repository.methodologies, family.methodology)


# -- the blocks of a model's page, or a page of their own ------------------------------------------

_TITLE = "Through the day and over days"


def model_blocks(edition: Edition, model: str) -> list[str]:
    """Hours and days of each table of the board, and a line on each of its rows; or where they stand."""
    head = markup.heading(2, _TITLE, "time")
    if not _is_apart(edition, model):
        return [head, *_blocks(edition, model, model_url(model), 3)]
    way = markup.link(
        model_url(model), _page_url(model), "Hours and days of every row, and each row in words"
    )
    return [head, tag("p", way, " are on a page of their own.")]


def model_pages(edition: Edition, model: str) -> Iterator[Page]:
    """/models/<model>/time/, where the tables are long: so that nobody who does not ask waits for them."""
    if _is_apart(edition, model):
        name = edition.model_name(model)
        yield Page(
            url=_page_url(model),
            title=f"{name}: {_TITLE[0].lower()}{_TITLE[1:]}",
            description=f"When the rows of {name} were measured, and what they showed by hour and by day.",
            blocks=_blocks(edition, model, _page_url(model), 2),
            crumbs=(("models/", "Models"), (model_url(model), name)),
            wide=True,
        )


def _is_apart(edition: Edition, model: str) -> bool:
    families = by_family(edition.rows_where(model=model))
    return any(len(rows) > markup.LINES_UNFOLDED for rows in families.values())


def _page_url(model: str) -> str:
    return f"{model_url(model)}time/"


def _blocks(edition: Edition, model: str, here: str, level: int) -> list[str]:
    """``level``: of a family's heading."""
    blocks: list[str] = [tag("p", _READING, class_="fl-note")]
    for family, members in by_family(edition.rows_where(model=model)).items():
        blocks += _family_blocks(edition, family, members, here, level)
    return blocks


_READING = (
    "Each cell: TTFT p50 in ms over the windows that count and that began in that hour of the day, in UTC, "
    "or on that day; its interval where they are enough for one, its n, and the success rate where a request "
    "failed. empty: no window began then. missing: all that did are invalid. A dash: too few values. Nothing "
    "is compared here; rows are, in the leaderboard."
)


@dataclasses.dataclass(frozen=True, slots=True)
class FamilyTime:
    """The rows of one family, each with its time; and the drifts (row, metric) that stand."""

    rows: tuple[tuple[Row, RowTime | Undefined], ...]
    told: frozenset[tuple[str, str]]


def family_time(edition: Edition, rows: Sequence[Row]) -> FamilyTime:
    """What is said of the time of the rows of one family, by their methodology."""
    found = tuple((row, time_of(edition, row)) for row in rows)
    timed = [item for _, item in found if isinstance(item, RowTime)]
    return FamilyTime(found, _told_apart(timed, _methodology(edition, rows[0].family)))


def _family_blocks(edition: Edition, family: Family, rows: Sequence[Row], here: str, level: int) -> list[str]:
    methodology = _methodology(edition, family)
    rules = time_rules(methodology)
    of_family = family_time(edition, rows)
    found, told = of_family.rows, of_family.told
    timed = [item for _, item in found if isinstance(item, RowTime)]
    label = results.family_words(edition, family)
    blocks: list[str] = [markup.heading(level, label, f"time--{results.family_anchor(family)}")]
    if timed:
        blocks.append(_hours_table(edition, label, timed))
        blocks.append(_days_table(edition, label, timed, rules))
        if any(item.coverage.days > DAYS_SHOWN for item in timed):
            blocks.append(tag("p", *_older_days(here), class_="fl-note"))
    if methodology.day_seconds != ranking.REAL_DAY_SECONDS:
        words = f"A day of this methodology has {methodology.day_seconds:,} seconds, an hour a 24th of that."
        blocks.append(tag("p", words, class_="fl-note"))
    if not timed and len({item.reason for _, item in found if isinstance(item, Undefined)}) == 1:
        (reason,) = {item.reason for _, item in found if isinstance(item, Undefined)}
        return [*blocks, tag("p", f"No row of this table has a profile: {reason}.", class_="fl-note")]
    lines = [
        tag("li", f"{_name(edition, row)}: ", " ".join(_sentences(edition, row, item, told)))
        for row, item in found
    ]
    return [*blocks, markup.fold_long(tag("ul", *lines), len(lines), f"In words: {label}")]


def _told_apart(timed: Sequence[RowTime], methodology: Methodology) -> frozenset[tuple[str, str]]:
    """The drifts (row, metric) of one table that stand at one family-wise error."""
    p_values = {
        (item.row.id, metric): found.p_value
        for item in timed
        for metric, found in item.drifts.items()
        if isinstance(found, Drift)
    }
    rejected = stats.holm(list(p_values.values()), family_error=methodology.statistics.family_error)
    return frozenset(itertools.compress(p_values, rejected))


def _name(edition: Edition, row: Row) -> str:
    parts = [edition.provider_name(row.provider), row.endpoint, results.ORIGIN_WORDS[row.origin]]
    return ", ".join([*parts, *_apart(row)])


def _apart(row: Row) -> list[str]:
    """What else tells a row from its provider's others: its submission, its role."""
    role = [row.role] if row.role != "subject" else []
    return [*([row.submission.partition("/")[2]] if row.submission else []), *role]


# -- hours and days ------------------------------------------------------------------------------


def _hours_table(edition: Edition, label: str, timed: Sequence[RowTime]) -> Html:
    heads = [number_head(f"{hour:02}") for hour in range(profile.HOURS)]
    lines = [markup.row(_head(edition, item.row), *map(_cell, item.hours)) for item in timed]
    return markup.fold_table(f"By hour of the day: {label}", ("UTC", *heads), lines, "fl-board fl-hours")


def _days_table(edition: Edition, label: str, timed: Sequence[RowTime], rules: TimeRules) -> Html:
    """The last days on which any row of the table has a window."""
    days = sorted({found.place for item in timed for found in item.days})[-DAYS_SHOWN:]
    starts = [moment_of(day * rules.day_ns) for day in days]
    form = "%Y-%m-%d" if rules.day_seconds == ranking.REAL_DAY_SECONDS else "%Y-%m-%d %H:%M:%S"
    lines = []
    for item in timed:
        found = {each.place: each for each in item.days}
        lines.append(markup.row(_head(edition, item.row), *(_cell(found.get(day)) for day in days)))
    heads = [number_head(f"{start:{form}}") for start in starts]
    return markup.fold_table(f"By day: {label}", ("Day", *heads), lines, "fl-board fl-hours")


def _older_days(here: str) -> Iterable[Html | str]:
    table = f"{api.ROOT}{exports.FOLDER}windows.csv"
    yield f"Above: the newest {DAYS_SHOWN} days. Every window of older ones, with its own figures, is in "
    yield markup.link(here, table, "windows.csv")
    yield "."


def _head(edition: Edition, row: Row) -> Html:
    name = edition.provider_name(row.provider)
    words = " · ".join([row.endpoint, results.ORIGIN_WORDS[row.origin], *_apart(row)])
    return tag("th", tag("span", name), tag("small", words, class_="fl-sub"), scope="row")


def _cell(found: Bin | None) -> Html:
    if found is None or found.sampling is Sampling.EMPTY:
        return number_cell(tag("span", "empty", class_="fl-none"))
    lacking = f"{found.invalid} invalid" if found.invalid else None
    if found.sampling is Sampling.INVALID:
        return number_cell(tag("span", "missing", class_="fl-none"), _below(lacking))
    ttft, success = found.figures["ttft_p50_ms"], found.figures["success_rate"]
    shown = "–" if ttft.value is None else figures.number(ttft.value)
    between = figures.interval("ttft_p50_ms", ttft) or None
    share = success.value
    succeeded = None if share is None or share == 1 else f"{figures.percent(share)} % ok"
    return number_cell(shown, _below(between, f"n {ttft.n:,}", succeeded, lacking))


def _below(*lines: str | None) -> Html | None:
    """Smaller lines in one element."""
    written = markup.join(lines, markup.LINE)
    return tag("small", written, class_="fl-sub") if written else None


# -- sentences -----------------------------------------------------------------------------------


def _sentences(
    edition: Edition, row: Row, item: RowTime | Undefined, told: frozenset[tuple[str, str]]
) -> Iterable[str]:
    if isinstance(item, Undefined):
        yield f"no profile: {item.reason}."
    else:
        yield from coverage_sentences(item.coverage)
        yield from drift_sentences(row.id, item.drifts, told)
    yield f"Newest window: {figures.age(moment_of(row.last_unix_ns), edition.now)}."


def coverage_sentences(found: Coverage) -> Iterable[str]:
    """Which hours and days were sampled, which are missing and why, and the longest time unobserved."""
    sampled = found.places(Sampling.SAMPLED)
    words = f"{len(sampled)} of {profile.HOURS} hours sampled ({figures.percent(found.share)} %)"
    empty, missing = found.places(Sampling.EMPTY), found.places(Sampling.INVALID)
    words += f", {len(empty)} empty ({hour_ranges(empty)})" if empty else ", none empty"
    yield f"{words}, {len(missing)} missing ({hour_ranges(missing)})." if missing else f"{words}."
    yield f"{found.days:,} of {figures.count(found.days_span, 'day')} covered."
    if found.longest_gap_ns is not None:
        yield f"Longest time between two windows: {figures.duration(found.longest_gap_ns)}."
    if found.invalid:
        shown = "; ".join(reason for reason, _ in found.reasons[:_REASONS_SHOWN])
        more = len(found.reasons) - _REASONS_SHOWN
        yield f"{figures.count(found.invalid, 'invalid window')} not covered: {shown}" + (
            f"; and {more} more reasons." if more > 0 else "."
        )
    if found.untimed:
        yield f"{figures.count(found.untimed, 'window')} of unknown hour left out."


def hour_ranges(hours: Sequence[int]) -> str:
    """Hours in order, neighbours joined: 01–05, 07, 13–23."""
    spans = ranking.joined(hours)
    return ", ".join(f"{first:02}" if first == last else f"{first:02}–{last:02}" for first, last in spans)


def drift_sentences(
    row: str, drifts: Mapping[str, Drift | Undefined], told: frozenset[tuple[str, str]]
) -> Iterable[str]:
    """What the days say of a trend: one that stands, that none is told, or why none is judged."""
    lacking = collections.defaultdict[str, list[str]](list)
    for metric, found in drifts.items():
        if isinstance(found, Undefined):
            lacking[found.reason].append(_METRIC_WORDS[metric])
        else:
            yield _drift_words(_METRIC_WORDS[metric], found, told=(row, metric) in told)
    for reason, names in lacking.items():
        yield f"Drift of {' and '.join(names)} is not judged: {reason}."


def _drift_words(name: str, found: Drift, *, told: bool) -> str:
    over = f"over {figures.count(found.days_span, 'day')}, {found.days} of them measured"
    if not told:
        return f"No drift of {name} can be told {over}."
    way = "rose" if found.share > 0 else "fell"
    return f"Drift: {name} {way} by {figures.number(abs(found.share) * 100)} % {over}."
