"""What each number of the method decides, and so what a change of it does. Knows no result.

:data:`PARTS` is the one place that says it. A key that it does not name is taken for a rule, so that a number
that is added later is never changed by a smaller majority than it deserves.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import msgspec

from fairlead.model import Methodology

Json: TypeAlias = Any  # plain data of a YAML file


class Part(enum.StrEnum):
    """What a number decides.

    ``measured``: what is sent, or when it is given up, so that windows of before and after it are two
    measurements. ``rule``: which windows count, what is ranked and told apart, when a claim is reproduced.
    ``figure``: how a figure is computed, or when something is worth saying. ``words``: nothing.
    """

    MEASURED = "measured"
    RULE = "rule"
    FIGURE = "figure"
    WORDS = "words"


#: The part of each key of methodology.yaml; of two that fit, the longer one counts.
PARTS: Mapping[str, Part] = {
    "schema_version": Part.RULE,
    "version": Part.WORDS,
    "title": Part.WORDS,
    "day_seconds": Part.RULE,
    "workloads": Part.MEASURED,
    "scenarios": Part.MEASURED,
    "control": Part.RULE,
    "window": Part.FIGURE,
    "timeouts": Part.MEASURED,
    "limits": Part.RULE,
    "limits.token_disagreement_share": Part.FIGURE,
    "limits.output_length_min_share": Part.FIGURE,
    "limits.stutter_gap_ms": Part.FIGURE,
    "calibration": Part.RULE,
    "statistics": Part.RULE,
    "statistics.confidence": Part.FIGURE,
    "statistics.intervals": Part.FIGURE,
    "time": Part.FIGURE,
    "fidelity": Part.FIGURE,
    "smoothness": Part.FIGURE,
    "smoothness.early_gap_paces_min": Part.RULE,  # these three also say when a rank by TTFT is withheld
    "smoothness.replies_min": Part.RULE,
    "smoothness.replies_share_min": Part.RULE,
    "integrity": Part.FIGURE,
    "ranking": Part.RULE,
    "ranking.stale_badge_days": Part.FIGURE,
    "verdict": Part.RULE,
    "notes": Part.WORDS,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """A value that differs: its path in the file, and what it was and is; None where it is not stated."""

    path: str
    before: Json
    after: Json
    part: Part


def part_of(path: str) -> Part:
    """What the value at a path (``limits.lag_p99_ms``) decides."""
    keys = path.split(".")
    for length in range(len(keys), 0, -1):
        found = PARTS.get(".".join(keys[:length]))
        if found is not None:
            return found
    return Part.RULE


def differences(old: Methodology, new: Methodology) -> tuple[Difference, ...]:
    """Every value of methodology.yaml that differs, in the order of the file.

    An entry of a list is known by its id (``scenarios.chat-c8.requests``) or its quantile; a plain list is
    one value.
    """
    return tuple(
        Difference(path, before, after, part_of(path)) for path, before, after in compare_values(old, new)
    )


def compare_values(old: msgspec.Struct, new: msgspec.Struct) -> Iterator[tuple[str, Json, Json]]:
    """Path, before and after of every value in which two files of one kind differ."""
    before, after = (dict(_leaves(msgspec.to_builtins(each))) for each in (old, new))
    for path in dict.fromkeys((*after, *before)):
        if before.get(path) != after.get(path):
            yield path, before.get(path), after.get(path)


def _leaves(data: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _leaves(value, f"{path}.{key}" if path else key)
    elif isinstance(data, list | tuple) and all(isinstance(each, dict) and _ids(each) for each in data):
        for each in data:
            yield from _leaves(
                {key: value for key, value in each.items() if key != "id"}, f"{path}.{_ids(each)}"
            )
    else:
        yield path, list(data) if isinstance(data, tuple) else data


def _ids(entry: Mapping[str, Json]) -> str | None:
    """How an entry of a list is known; a point in a quantile would part the path."""
    if "id" in entry:
        return str(entry["id"])
    return f"{entry['q'] * 100:g}%" if "q" in entry else None


# -- compatibility -------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Fit:
    """Whether a scenario of an older version is the same measurement in a newer one.

    Where it is, ``reasons`` is empty: only scoring differs, and its old windows can be scored by the new
    version. Else they say what is measured otherwise, and it must be measured again.
    """

    scenario: str
    reasons: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Only scoring differs, if anything."""
        return not self.reasons


def compatibility(old: Methodology, new: Methodology) -> tuple[Fit, ...]:
    """Each scenario of the older version, then those that only the newer one has, each with its fit."""
    changed = [each for each in differences(old, new) if each.part is Part.MEASURED]
    stated = {scenario.id: scenario for scenario in new.scenarios}
    known = {scenario.id: scenario for scenario in old.scenarios}
    fits = []
    for name in dict.fromkeys((*known, *stated)):
        if name not in stated:
            reasons: tuple[str, ...] = ("the newer version does not measure it",)
        elif name not in known:
            reasons = ("new: nothing of it was measured before",)
        else:
            about = {f"scenarios.{name}", *(f"workloads.{each[name].workload}" for each in (known, stated))}
            reasons = tuple(_said(each) for each in changed if _concerns(each.path, about))
        fits.append(Fit(name, reasons))
    return tuple(fits)


def _concerns(path: str, about: set[str]) -> bool:
    """Whether a value is about one of these scenarios and workloads, or about every one of them."""
    is_listed = path.startswith(("scenarios.", "workloads."))
    return not is_listed or any(path.startswith(f"{name}.") for name in about)


def _said(each: Difference) -> str:
    return f"{each.path}: {value_words(each.before)} → {value_words(each.after)}"


def value_words(value: Json) -> str:
    """A value of a file on one line."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return f"{value:.10g}" if isinstance(value, float) else str(value)
