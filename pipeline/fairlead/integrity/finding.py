"""What an examination says, and by which limits. Knows no window and no test."""

from __future__ import annotations

import dataclasses

#: Tests with a p-value; they share the false alarms of a submission among them.
TESTS = ("similar", "grid", "digits", "wire", "spread", "hours", "failures")


_SHOWN = 8


@dataclasses.dataclass(frozen=True, slots=True)
class IntegrityRules:
    """When raw requests are a finding.

    ``false_alarm_share``: of honest submissions that may be named by all tests with a p-value together. The
    rest are limits: see ``integrity`` in the schema of the methodology.
    """

    false_alarm_share: float
    copied_gap_ns: int
    copied_gaps_min: int
    similar_gaps_min: int
    similar_gaps_max: int
    similar_correlation_min: float
    stamp_grid_ns: int
    stamps_min: int
    digits_off_min: float
    wire_slack_ms: float
    idle_ms: float
    cached_share_max: float
    repeated_chars_min: int
    client_load_max: float


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """What was seen, where, and how likely it is in an honest run.

    ``path``: the window, or the first of those concerned. ``requests``: the numbers of its requests, or none
    where the window or the claim as a whole is meant. ``words``: a sentence with its numbers, without a full
    stop. ``p_value``: of something as extreme in an honest run; None where it is a contradiction or a limit.
    """

    code: str
    path: str
    requests: tuple[int, ...]
    words: str
    p_value: float | None = None

    @property
    def sentence(self) -> str:
        """``words``, and behind them the numbers of the requests, or of the first of them."""
        if not self.requests:
            return self.words
        shown = ", ".join(map(str, self.requests[:_SHOWN]))
        rest = len(self.requests) - _SHOWN
        noun = "request" if len(self.requests) == 1 else "requests"
        return f"{self.words}; {noun} {shown}" + (f" and {rest:,} more" if rest > 0 else "")


def counted(number: int, noun: str) -> str:
    """``1 request``, ``1,024 requests``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
