"""Is it the model that it says it is, and is it asked? Knows no file, no page and no time of day.

What each request asked is made again from the window's seed and workload; nothing is taken on trust from the
record but the reply. :func:`observe` keeps what a window's replies say of the model; :func:`judge` holds the
providers of one model against each other, and :func:`caching` the repeats of a window against their firsts.
"""

from __future__ import annotations

from fairlead.fidelity.answers import (
    Answers,
    Caching,
    Lengths,
    LengthShares,
    Repeat,
    Tally,
    Wrong,
    caching,
    length_shares,
    observe,
    out_of_band,
    workload_of,
)
from fairlead.fidelity.judgement import (
    ALL,
    LENGTH,
    QUESTIONS,
    FidelityRules,
    Finding,
    Judgement,
    Sample,
    Score,
    judge,
)

__all__ = [
    "ALL",
    "LENGTH",
    "QUESTIONS",
    "Answers",
    "Caching",
    "FidelityRules",
    "Finding",
    "Judgement",
    "LengthShares",
    "Lengths",
    "Repeat",
    "Sample",
    "Score",
    "Tally",
    "Wrong",
    "caching",
    "judge",
    "length_shares",
    "observe",
    "out_of_band",
    "workload_of",
]
