"""What the replies of a model's rows show, as a section of its page. Judges nothing by itself; ranks nothing.

A statement says what was seen, with its figures, and links to the raw files. Why a provider does it is its
own to say.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from fairlead import fidelity, smoothness, stats
from fairlead.fidelity import Answers, FidelityRules, Finding, Judgement, Sample
from fairlead.governance import company_heads
from fairlead.metrics import Undefined
from fairlead.model import Methodology
from fairlead.publish import figures, integrity, markup
from fairlead.publish.edition import Edition, raw_url
from fairlead.publish.markup import Html, join, link, number_cell, number_head, tag
from fairlead.ranking import Origin, Row, group_of, interval_rules
from fairlead.smoothness import Replies, SmoothRules

_ANSWERS_SHOWN = 5


@dataclasses.dataclass(frozen=True, slots=True)
class RowFindings:
    """The replies of one row: their statements, and what its repeats show."""

    row: Row
    statements: tuple[smoothness.Statement, ...]
    caching: fidelity.Caching | None


@dataclasses.dataclass(frozen=True, slots=True)
class ModelFindings:
    """Everything that was found in the rows of one model under one methodology.

    ``members``: the providers behind each name of the judgement, which names company groups.
    """

    rows: tuple[RowFindings, ...]
    judgement: Judgement
    members: Mapping[str, tuple[str, ...]]


@dataclasses.dataclass(frozen=True)
class FindingRules:
    """The limits by which one methodology version calls something a finding."""

    smooth: SmoothRules
    fidelity: FidelityRules


def finding_rules(methodology: Methodology) -> FindingRules | None:
    """What this version says of findings; None for an early draft that says nothing."""
    if methodology.smoothness is None or methodology.fidelity is None:
        return None
    return FindingRules(
        smooth=SmoothRules(**msgspec.structs.asdict(methodology.smoothness)),
        fidelity=FidelityRules(
            providers_min=methodology.fidelity.providers_min,
            windows_min=methodology.fidelity.windows_min,
            family_error=methodology.statistics.family_error,
            length_min_share=methodology.limits.output_length_min_share,
        ),
    )


def findings(
    rows: Sequence[Row],
    rules: FindingRules,
    *,
    intervals: stats.IntervalRules,
    group_of: Callable[[str], str] = str,
) -> ModelFindings:
    """What the valid windows of these rows show: of one model and methodology version, in the rows' order.

    Only neutral windows of subjects are held against each other; a claim is measured by its own provider.
    ``group_of``: a provider's company group. The windows of one group stand together: two providers that are
    one company's are neither two witnesses against a third nor rivals of each other.
    """
    judged = [row for row in rows if row.origin is Origin.NEUTRAL and row.role == "subject"]
    members: dict[str, set[str]] = {}
    for row in judged:
        members.setdefault(group_of(row.provider), set()).add(row.provider)
    samples = [
        Sample(group_of(row.provider), f"{row.family.scenario}/{row.family.vantage}", item.path, item.answers)
        for row in judged
        for item in row.valid
        if isinstance(item.answers, Answers)
    ]
    return ModelFindings(
        rows=tuple(
            RowFindings(row, smoothness.statements(_replies(row), rules.smooth), _caching(row, intervals))
            for row in rows
        ),
        judgement=fidelity.judge(samples, rules.fidelity),
        members={group: tuple(sorted(names)) for group, names in members.items()},
    )


def by_version(edition: Edition, rows: Sequence[Row]) -> Iterator[tuple[str, ModelFindings]]:
    """What the rows of one model show, by methodology version, of each that says what a finding is."""
    heads = company_heads(edition.repository, edition.now)
    for version in sorted({row.family.methodology or "" for row in rows}):
        methodology = edition.repository.methodologies.get(version)
        rules = None if methodology is None else finding_rules(methodology)
        if methodology is None or rules is None:
            continue
        yield (
            version,
            findings(
                [row for row in rows if row.family.methodology == version],
                rules,
                intervals=interval_rules(methodology),
                group_of=functools.partial(group_of, edition.repository.providers, heads=heads),
            ),
        )


def measured(rows: Sequence[Row]) -> list[Row]:
    """The rows that a finding can be about: measured, not imported, with replies that were read."""
    return [row for row in rows if row.origin is not Origin.IMPORTED and any(_replies(row))]


def _caching(row: Row, intervals: stats.IntervalRules) -> fidelity.Caching | None:
    found = fidelity.caching(_answers(row), rules=intervals)
    return None if isinstance(found, Undefined) else found


def _replies(row: Row) -> list[Replies]:
    return [item.replies for item in row.valid if item.replies is not None]


def _answers(row: Row) -> list[Answers]:
    return [item.answers for item in row.valid if isinstance(item.answers, Answers)]


# -- as a section of a page ----------------------------------------------------------------------


def section(edition: Edition, rows: Sequence[Row], here: str) -> list[str]:
    """The section of a model's page: a table of figures, then every statement; empty without a measured row.

    A version that states no limits for a finding (an early draft) shows its figures and no statement.
    """
    shown = measured(rows)
    if not shown:
        return []
    blocks = [markup.heading(2, "Findings", "findings"), _figures(edition, shown, here)]
    for version, found in by_version(edition, shown):
        lines = [*_row_lines(edition, found), *_judged_lines(edition, found, here)]
        words = f"By the limits of methodology {version}: " + ("" if lines else "nothing was found.")
        blocks += [tag("p", words), *([markup.bullets(lines)] if lines else [])]
        blocks += _reasons(found.judgement)
    lines = list(integrity.row_lines(edition, shown, here))
    return [*blocks, markup.bullets(lines)] if lines else blocks


def _figures(edition: Edition, rows: Sequence[Row], here: str) -> Html:
    names = ("Probes right", "Length in band", "Stutter", "ICL p99", "Tokens per chunk", "Same read")
    units = ("of answered, asked", "% of replies", "% of replies", "ms", "", "% of gaps")
    heads = [
        number_head(name, tag("small", unit, class_="fl-sub") if unit else None)
        for name, unit in zip(names, units, strict=True)
    ]
    lines = [_figures_row(edition, row) for row in rows]
    note = tag(
        "p",
        "What a figure means, and what it cannot tell: ",
        link(here, "glossary/#stutter", "glossary"),
        ". Figures are of the windows that count.",
        class_="fl-note",
    )
    return join((markup.simple_table("Replies", ("Row", *heads), lines, "fl-board"), note))


def _figures_row(edition: Edition, row: Row) -> Html:
    methodology = edition.repository.methodologies.get(row.family.methodology or "")
    name = tag(
        "th",
        edition.provider_name(row.provider),
        tag("small", f"{row.endpoint} · {row.family.scenario} · {row.origin}", class_="fl-sub"),
        scope="row",
    )
    replies = _replies(row)
    bundling = (
        _undefined(value) if isinstance(value, Undefined) else _cell(said(value))
        for value, said in (
            (smoothness.tokens_per_chunk(replies), figures.number),
            (smoothness.same_read_share(replies), figures.percent),
        )
    )
    return markup.row(name, _probes_cell(row), *_limit_cells(row, replies, methodology), *bundling)


def _cell(shown: str, below: str | None = None) -> Html:
    small = tag("small", below, class_="fl-sub fl-wrap") if below else None
    return number_cell(tag("span", shown, class_="fl-value"), small)


def _undefined(value: Undefined) -> Html:
    return _cell("–", value.reason)


def _probes_cell(row: Row) -> Html:
    tallies = [tally for window in _answers(row) for tally in window.tallies.values()]
    asked, answered, right = (
        sum(getattr(tally, name) for tally in tallies) for name in ("asked", "answered", "right")
    )
    if not asked:
        reasons = {item.answers.reason for item in row.valid if isinstance(item.answers, Undefined)}
        return _undefined(Undefined(min(reasons, default="no probe was asked")))
    return _cell(f"{right:,}", f"of {answered:,}, {asked:,}")


def _limit_cells(row: Row, replies: Sequence[Replies], methodology: Methodology | None) -> Iterator[Html]:
    """The figures that rest on limits which every methodology version has."""
    if methodology is None:
        yield from (_undefined(Undefined("methodology not known")) for _ in range(3))
        return
    limits, intervals = methodology.limits, interval_rules(methodology)
    lengths = [window.lengths for window in _answers(row) if window.lengths is not None]
    shares = fidelity.length_shares(lengths, limits.output_length_min_share)
    if shares.counted:
        below = (
            f"{shares.early_stop:,} ended early, {shares.short_at_limit:,} short, {shares.beyond:,} beyond"
        )
        yield _cell(figures.percent(shares.in_band / shares.counted), below)
    else:
        yield _undefined(Undefined("no reply with a token count"))
    stutter = smoothness.stutter_share(replies, limits.stutter_gap_ms, rules=intervals)
    if stutter.value is None:
        yield _undefined(Undefined("no reply with a gap"))
    else:
        yield _cell(figures.percent(stutter.value), figures.interval("rate", stutter))
    p99 = smoothness.icl_p99_ms(replies, confidence=intervals.confidence)
    yield _undefined(p99) if isinstance(p99, Undefined) else _cell(figures.number(p99))


def _row_lines(edition: Edition, found: ModelFindings) -> Iterator[Html]:
    for each in found.rows:
        name = tag("strong", edition.provider_name(each.row.provider))
        where = f", {each.row.family.scenario}, {each.row.origin}: "
        for statement in each.statements:
            yield join((name, where, statement.words, "."))
        if each.caching is not None:
            yield join((name, where, each.caching.words, "."))


def _judged_lines(edition: Edition, found: ModelFindings, here: str) -> Iterator[Html]:
    for finding in found.judgement.findings:
        names = [edition.provider_name(provider) for provider in found.members[finding.provider]]
        whose = f"{', '.join(names)} (one company group)" if len(names) > 1 else names[0]
        score = finding.score
        words = (
            f", {finding.question}: {score.right:,} of {score.answered:,} right. At the pooled rate of all "
            f"providers it would be {score.expected:.1f}; noise bounds it at {score.bound:.1f} "
            f"(p = {score.p_value:.1g})."
        )
        evidence = markup.bullets(_evidence_lines(finding, here))
        yield join((tag("strong", whose), words, evidence))


def _evidence_lines(finding: Finding, here: str) -> Iterator[Html]:
    for path, wrong in finding.wrong[:_ANSWERS_SHOWN]:
        yield join(
            (
                link(here, raw_url(path), f"request {wrong.i}"),
                f", asked for {wrong.asked}: expected ",
                tag("code", wrong.expected),
                ", said ",
                tag("code", wrong.said),
            )
        )
    for path, numbers in finding.requests:
        shown = ", ".join(map(str, numbers))
        yield join((link(here, raw_url(path), path.rpartition("/")[2]), f": requests {shown}"))


def _reasons(judgement: Judgement) -> list[str]:
    if not judgement.reasons:
        return []
    parts = [f"{question}: {reason}" for question, reason in judgement.reasons.items()]
    return [tag("p", f"Not judged. {'; '.join(parts)}.", class_="fl-note")]
