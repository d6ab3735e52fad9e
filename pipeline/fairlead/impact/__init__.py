"""What a change of the method does to ranks, verdicts, states and numbers, before anybody votes on it.

The same windows are scored twice: by the method as it was, and as it would be. Nothing is written: what a new
version says of windows that were measured under an older one is a record of its own, never a row of the
board. The class of a change is what it does (G-4.1), and nobody's choice.
"""

from __future__ import annotations

from fairlead.impact.effects import Change, Impact, What, compare, score
from fairlead.impact.fields import (
    PARTS,
    Difference,
    Fit,
    Part,
    compatibility,
    differences,
    part_of,
)
from fairlead.impact.proposed import (
    Windows,
    computed_class,
    impact_of_proposal,
    impact_of_version,
    impacts_since,
    predecessor,
    tally_proposal,
)
from fairlead.impact.words import (
    HEADINGS,
    change_words,
    class_words,
    impact_data,
    impact_text,
    row_ranks,
    said,
    ties_of,
    unscored,
)

__all__ = [
    "HEADINGS",
    "PARTS",
    "Change",
    "Difference",
    "Fit",
    "Impact",
    "Part",
    "What",
    "Windows",
    "change_words",
    "class_words",
    "compare",
    "compatibility",
    "computed_class",
    "differences",
    "impact_data",
    "impact_of_proposal",
    "impact_of_version",
    "impact_text",
    "impacts_since",
    "part_of",
    "predecessor",
    "row_ranks",
    "said",
    "score",
    "tally_proposal",
    "ties_of",
    "unscored",
]
