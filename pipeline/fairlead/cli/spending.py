"""What a run will cost, said before it, and refused above what was allowed. Knows no command and no price."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from fairlead.cli.common import EXIT_PROBLEMS, complain

if TYPE_CHECKING:
    from fairlead.campaign import CampaignSpending
    from fairlead.cost import PlannedWindow, Spending, StatedRates
    from fairlead.measure.plan import Plan


def stated_rates(usd_per_mtok_in: float | None, usd_per_mtok_out: float | None) -> StatedRates | None:
    """The rates that were typed, both or none."""
    from fairlead.cost import StatedRates

    if usd_per_mtok_in is None and usd_per_mtok_out is None:
        return None
    if usd_per_mtok_in is None or usd_per_mtok_out is None:
        raise click.UsageError("--usd-per-mtok-in and --usd-per-mtok-out go together")
    if not (math.isfinite(usd_per_mtok_in) and math.isfinite(usd_per_mtok_out)):
        raise click.UsageError("a price is a finite number of US dollars per million tokens")
    return StatedRates(usd_per_mtok_in, usd_per_mtok_out)


def allow_campaign(spending: CampaignSpending, max_usd: float | None) -> None:
    """Say what a campaign will cost and end it, before anything is sent, unless that was allowed.

    What is sent with a key is billed. So it needs a price for each endpoint (else exit 1: the data lacks it)
    and a limit that the most it can cost does not exceed (else exit 2).
    """
    from fairlead.cost import NoCost

    for item in spending.items:
        where, cost = f"{item.provider}/{item.endpoint}", item.spending
        if isinstance(cost, NoCost):
            complain(
                f"{where} bills {item.model} at a price that is not known: {cost.reason}",
                f"add the price to providers/{item.provider}.yaml with its source, "
                "or state --usd-per-mtok-in and --usd-per-mtok-out",
            )
        else:
            click.echo(f"{where}, {item.windows} windows: {_words(cost)}", err=True)
    if spending.is_known and spending.items:
        _allow(spending.total, max_usd, is_limit_needed=True)
    elif spending.items:
        raise click.exceptions.Exit(EXIT_PROBLEMS)


def allow_windows(plans: Sequence[Plan], rates: StatedRates | None, max_usd: float | None) -> None:
    """The same for windows ad hoc: the price is the typed one, and without a limit it is only told."""
    from fairlead.campaign import ESTIMATE_RULES
    from fairlead.cost import Spending, planned_spending

    if rates is None:
        if max_usd is not None:
            raise click.UsageError("--max-usd with --url needs --usd-per-mtok-in and --usd-per-mtok-out")
        return
    each = [planned_spending(_planned(plan), rates, ESTIMATE_RULES) for plan in plans]
    total = Spending(
        expected_usd=math.fsum(one.expected_usd for one in each),
        most_usd=math.fsum(one.most_usd for one in each),
    )
    _allow(total, max_usd, is_limit_needed=False)


def _planned(plan: Plan) -> PlannedWindow:
    from fairlead.cost import PlannedWindow
    from fairlead.measure.workload import FRAME_WORDS

    return PlannedWindow(
        kind=plan.kind,
        requests=plan.requests,
        input_words=plan.input_words,
        frame_words_most=FRAME_WORDS,
        output_tokens_most=plan.max_tokens,
        runs_most=1,
    )


def _allow(spending: Spending, max_usd: float | None, *, is_limit_needed: bool) -> None:
    most = _up(spending.most_usd)
    click.echo(f"estimated cost of this run: {_words(spending)}", err=True)
    if max_usd is None:
        if is_limit_needed and spending.most_usd > 0:
            raise click.UsageError(f"this run is billed; allow it with --max-usd {most}")
    elif not spending.most_usd <= max_usd:  # the form in which a NaN allows nothing
        raise click.UsageError(f"{most} USD is above --max-usd {max_usd:g}; nothing was sent")


def _words(spending: Spending) -> str:
    return f"{_up(spending.expected_usd)} USD expected, {_up(spending.most_usd)} USD at most"


def _up(usd: float) -> str:
    """In whole cents, rounded up: as a limit it suffices."""
    return f"{math.ceil(usd * 100) / 100:.2f}"
