"""What the site says of the raw requests of claims, and how often that errs. Examines nothing by itself.

A finding stands where its submission and its row stand, with its numbers and the raw file that shows it. It
is no verdict; what a rerun measures is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fairlead import stats
from fairlead.integrity import Finding
from fairlead.publish import markup
from fairlead.publish.edition import Edition, raw_url, submission_url
from fairlead.publish.markup import Html, join, link, tag
from fairlead.ranking import Origin, Row
from fairlead.rules import RULES

_TRIAL = ("Submissions", "Named", "Named by")
_RULE_HEADS = ("Rule", "False alarms", "Frauds that it is to find")
_CONFIDENCE = 0.95


def submission_blocks(edition: Edition, name: str, here: str) -> list[str]:
    """The section of a submission's page: every finding with its evidence; empty for an import."""
    found = edition.integrity.get(name)
    if found is None:
        return []
    about = join(
        (
            "What cannot be, and what hardly happens in an honest run: ",
            link(here, "integrity/", "what is looked for, and how often that errs"),
            ".",
        )
    )
    blocks = [markup.heading(2, "Raw requests", "raw-requests"), tag("p", about, class_="fl-note")]
    if not found:
        return [*blocks, tag("p", "Nothing was found.")]
    return [*blocks, markup.bullets(_line(finding, here) for finding in found)]


def _line(finding: Finding, here: str) -> Html:
    code = finding.code
    return join(
        (
            link(here, f"rules/#{code.lower()}", code),
            f" {RULES[code].title}: {finding.sentence}. Evidence: ",
            link(here, raw_url(finding.path), finding.path.rpartition("/")[2]),
        )
    )


def row_lines(edition: Edition, rows: Sequence[Row], here: str) -> Iterator[Html]:
    """For each claim among these rows that has findings: how many of its windows' own, and where they are."""
    for row in rows:
        if row.origin is not Origin.CLAIM or row.submission is None:
            continue
        paths = {item.path for item in row.evidence}
        found = [one for one in edition.integrity.get(row.submission, ()) if one.path in paths]
        if found:
            titles = sorted({RULES[one.code].title.lower() for one in found})
            words = f", {row.family.scenario}, {row.origin}, in its raw requests: {'; '.join(titles)}. "
            page = link(here, f"{submission_url(row.submission)}#raw-requests", "Evidence")
            yield join((tag("strong", edition.provider_name(row.provider)), words, page))


# -- how often it errs ---------------------------------------------------------------------------


def trial_blocks(found: Mapping[str, Any]) -> list[str]:
    """Honest submissions by endpoint and by finding, then every fraud that was planted."""
    trials = found["results"]
    honest = [trial for trial in trials if trial["is_honest"]]
    forged = [trial for trial in trials if not trial["is_honest"]]
    total, named = (sum(trial[key] for trial in honest) for key in ("submissions", "named"))
    _, most = stats.exact_interval(named, total, confidence=2 * _CONFIDENCE - 1)  # one-sided
    allowed, planted = found["rules"]["false_alarm_share"], min(trial["submissions"] for trial in forged)
    said = (
        f"Of {total:,} honest submissions {named:,} were named by any of the rules below: of their like no "
        f"more than {most:.2%} are, at {_CONFIDENCE:.0%}. The methodology allows its statistical tests "
        f"{allowed:.1%}. Each fraud was planted in {planted:,} submissions."
    )
    shown = [trial for trial in forged if trial["code"] is not None]
    hidden = [trial for trial in forged if trial["code"] is None]
    return [
        tag("p", said),
        markup.simple_table("False alarms", ("Honest endpoint", *_TRIAL), map(_trial_row, honest)),
        markup.simple_table("False alarms by rule", _RULE_HEADS, _rule_rows(honest, shown)),
        markup.heading(2, "Frauds that the files show"),
        markup.simple_table("Frauds found", ("Fraud", *_TRIAL), map(_trial_row, shown)),
        markup.heading(2, "Frauds that no file is sure to show"),
        markup.simple_table("Frauds mostly not found", ("Fraud", *_TRIAL), map(_trial_row, hidden)),
        tag("p", "Made by ", tag("code", found["command"]), "."),
    ]


def _trial_row(trial: Mapping[str, Any]) -> Html:
    words = None if trial["is_honest"] else tag("small", trial["words"], class_="fl-sub")
    share = f"{trial['named'] / trial['submissions']:.1%} ({trial['low']:.1%} to {trial['high']:.1%})"
    codes = ", ".join(f"{code} in {count:,}" for code, count in trial["by_code"].items()) or "nothing"
    name = tag("th", trial["kind"], words, scope="row")
    return markup.row(name, f"{trial['submissions']:,}", share, codes)


def _rule_rows(honest: Sequence[Mapping[str, Any]], forged: Sequence[Mapping[str, Any]]) -> Iterator[Html]:
    """Each rule that a trial names: how many honest submissions it named, and how many of its own frauds."""
    total = sum(trial["submissions"] for trial in honest)
    for code in sorted({trial["code"] for trial in forged}):
        named = sum(trial["by_code"].get(code, 0) for trial in honest)
        low, high = stats.exact_interval(named, total, confidence=_CONFIDENCE)
        own = [trial for trial in forged if trial["code"] == code]
        power = "; ".join(
            f"{trial['kind']}: {trial['by_code'].get(code, 0) / trial['submissions']:.0%}" for trial in own
        )
        name = tag("th", code, tag("small", RULES[code].title, class_="fl-sub"), scope="row")
        yield markup.row(name, f"{named:,} of {total:,} ({low:.1%} to {high:.2%})", power)
