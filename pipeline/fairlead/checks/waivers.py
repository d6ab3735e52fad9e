"""Known exceptions. Knows no rule but those about waivers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from fairlead.checks.context import Context, at
from fairlead.model import Waiver
from fairlead.problems import Problem, nearest, pointer, quote
from fairlead.repository import WAIVERS_PATH, Repository
from fairlead.rules import RULES

# What keeps the reader of the data safe is never waived, nor are waivers themselves.
NEVER_WAIVED = ("HIS", "BUG", "DOC", "GOV", "TREE001")


def apply_waivers(repository: Repository, context: Context, problems: Sequence[Problem]) -> list[Problem]:
    """The problems that no waiver excuses, and those of the waivers themselves.

    A waiver is unused only if the whole tree was checked: with ``paths`` nobody can tell.
    """
    kept = list(problems)
    for index, waiver in enumerate(repository.waivers):
        fault = _fault(repository, context, index, waiver)
        if fault is not None:
            kept.append(fault)
            continue
        excused = [problem for problem in kept if _matches(waiver, problem)]
        kept = [problem for problem in kept if not _matches(waiver, problem)]
        if not excused and not context.paths:
            where = pointer("waivers", index)
            message = f"nothing in {quote(waiver.path)} breaks {waiver.rule}"
            kept.append(at(repository, WAIVERS_PATH, "GOV006", where, message, fix="delete the waiver"))
    return kept


def _matches(waiver: Waiver, problem: Problem) -> bool:
    return problem.code == waiver.rule and problem.path == waiver.path


def _fault(repository: Repository, context: Context, index: int, waiver: Waiver) -> Problem | None:
    if waiver.rule not in RULES:
        meant = nearest(waiver.rule, RULES)
        fix = f"write `{meant}`" if meant else "name a rule of the catalogue"
        where = pointer("waivers", index, "rule")
        return at(
            repository, WAIVERS_PATH, "GOV008", where, f"there is no rule {quote(waiver.rule)}", fix=fix
        )
    if waiver.rule.startswith(NEVER_WAIVED):
        where = pointer("waivers", index, "rule")
        message = f"{waiver.rule} cannot be waived"
        return at(repository, WAIVERS_PATH, "GOV008", where, message, fix="mend what breaks it")
    if waiver.expires < context.now.astimezone(dt.UTC).date():
        where = pointer("waivers", index, "expires")
        message = f"it expired on {waiver.expires}"
        return at(repository, WAIVERS_PATH, "GOV007", where, message, fix="mend what it excused, or renew it")
    return None
