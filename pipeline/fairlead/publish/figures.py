"""How numbers, times and states are said in words. Knows no page and no rule; computes nothing.

Three significant digits throughout: no interval the board publishes is narrower than that.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping

from fairlead import snapshots
from fairlead.clock import moment_of
from fairlead.ranking import FIGURES, Better, Figure
from fairlead.stats import Estimate
from fairlead.windows import Outcome

FIGURE: Mapping[str, Figure] = {figure.name: figure for figure in FIGURES}
NOT_DISCLOSED = "not disclosed"

_UNITS = {"ms": "ms", "tps": "tokens/s", "rate": "%"} | {
    "mtok": "USD per million tokens",
    "success": "USD a success",
}
_DAY_S = 86_400

OUTCOME_WORDS: Mapping[Outcome, str] = {
    Outcome.RATE_LIMITED: "rate limited",
    Outcome.SERVER_ERROR: "server error",
    Outcome.CONNECT: "no connection",
    Outcome.TLS: "TLS failed",
    Outcome.TIMEOUT: "timed out",
    Outcome.IN_STREAM_ERROR: "error in the stream",
    Outcome.TRUNCATED: "cut short",
    Outcome.EMPTY: "empty",
    Outcome.MALFORMED: "malformed",
    Outcome.WRONG_LENGTH: "wrong length",
    Outcome.REFUSED: "refused",
    Outcome.CLIENT: "our own fault",
    Outcome.UNKNOWN: "unknown",
}


def unit(name: str) -> str:
    """The unit that a figure's name ends in, as it is written in a table's head."""
    return _UNITS[name.rpartition("_")[2]]


def number(value: float) -> str:
    """Three significant digits, thousands parted by commas: 0.0123, 1.23, 12.3, 123, 1,230."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "-∞"
    if value == 0:
        return "0"
    digits = 2 - math.floor(math.log10(abs(value)))
    rounded = round(value, digits)
    return f"{rounded:,.{max(0, 2 - math.floor(math.log10(abs(rounded))))}f}"


def percent(share: float) -> str:
    """A share in per cent without the sign: one decimal, two near the ends; never rounded to an end."""
    if share in (0, 1):
        return f"{share * 100:.0f}"
    shown = f"{share * 100:.{1 if 0.005 < share < 0.995 else 2}f}"
    return {"100.00": "> 99.99", "0.00": "< 0.01"}.get(shown, shown)


def figure_value(name: str, value: float) -> str:
    """A figure's value in the unit of :func:`unit`."""
    return percent(value) if unit(name) == "%" else number(value)


def interval(name: str, estimate: Estimate | snapshots.Estimate) -> str | None:
    """The interval's ends, today's or a frozen quarter's, or None where there is none."""
    if estimate.low is None or estimate.high is None:
        return None
    return f"{figure_value(name, estimate.low)} – {figure_value(name, estimate.high)}"


def better_words(figure: Figure) -> str:
    """Which way is better, in words."""
    return "less is better" if figure.better is Better.LOWER else "more is better"


def count(number_: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun: 1 window, 2 windows."""
    return f"{number_:,} {singular if number_ == 1 else plural or singular + 's'}"


def instant(unix_ns: int) -> str:
    """A time as machines read it, to the second: 2026-03-04T05:06:07Z."""
    return f"{moment_of(unix_ns):%Y-%m-%dT%H:%M:%SZ}"


def minute(time: dt.datetime) -> str:
    """A time as it is shown: 2026-03-04 05:06 UTC."""
    return f"{time.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"


def age(then: dt.datetime, now: dt.datetime) -> str:
    """How long ago, in whole hours or days."""
    seconds = (now - then).total_seconds()
    if seconds < 0:
        return "in the future"
    if seconds < 2 * _DAY_S:
        return f"{count(int(seconds // 3600), 'hour')} old"
    return f"{count(int(seconds // _DAY_S), 'day')} old"


def duration(ns: int) -> str:
    """A length of time in the unit that suits it: 5.0 s, 12 minutes, 6.0 hours, 3.2 days."""
    seconds = ns / 1e9
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours" if seconds < 2 * _DAY_S else f"{seconds / _DAY_S:.1f} days"


def failures(outcomes: Mapping[Outcome, int]) -> str | None:
    """The failures by class, most frequent first; None where every request ended well."""
    found = sorted(
        (
            (-number_, outcome)
            for outcome, number_ in outcomes.items()
            if outcome is not Outcome.OK and number_
        )
    )
    return ", ".join(f"{-number_} {OUTCOME_WORDS[outcome]}" for number_, outcome in found) or None


def size(number_of_bytes: int) -> str:
    """A size of a file: 512 B, 34 kB, 1.2 MB."""
    if number_of_bytes < 1000:
        return f"{number_of_bytes} B"
    if number_of_bytes < 1_000_000:
        return f"{number_of_bytes / 1000:.0f} kB"
    return f"{number_of_bytes / 1e6:.1f} MB"
