"""How far the pipeline reaches, as tables: from the benchmark that ships with the site, and an estimate.

Knows no provider and measures nothing. The estimate is arithmetic on the largest measured size; what it
assumes beyond that stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fairlead import documents
from fairlead.publish import markup
from fairlead.publish.markup import Html, number_cell, number_head, tag
from fairlead.repository import places

_MEMORY_MIB = 1536  # what a reader's machine can spare
_COMMANDS = (
    ("check", "check"),
    ("cold", "rank, nothing known"),
    ("changed", "rank, after one changed window"),
)


class Plan(NamedTuple):
    """A year of measuring. ``windows_per_day``: of each endpoint, model, vantage and scenario."""

    providers: int = 100
    models: int = 50
    vantages: int = 5
    scenarios: int = 5
    windows_per_day: int = 8
    requests: int = 30

    @property
    def windows(self) -> int:
        """All windows of the year."""
        return self.providers * self.models * self.vantages * self.scenarios * self.windows_per_day * 365


class Assumed(NamedTuple):
    """Prices that are nobody's in particular, and the length of a request."""

    storage_usd_per_gb_month: float = 0.02
    core_usd_per_hour: float = 0.05
    input_usd_per_mtok: float = 0.5
    output_usd_per_mtok: float = 1.5
    input_tokens: int = 500
    output_tokens: int = 100


def measured_blocks(found: Mapping[str, Any], label: str = "Time and memory") -> list[str]:
    """Seconds, processor time and memory of each command at each size."""
    sizes, costs = ("Windows", "Raw files, MB"), ("Seconds", "Processor, s", "Memory, MiB")
    heads = ("Requests", *map(number_head, sizes), "Command", *map(number_head, costs))
    lines = [
        markup.row(
            f"{row['requests']:,}",
            number_cell(f"{row['windows']:,}"),
            number_cell(f"{row['raw_mb']:,.0f}"),
            words,
            number_cell(f"{row[f'{name}_s']:,.1f}"),
            number_cell(f"{row[f'{name}_cpu_s']:,.1f}"),
            number_cell(f"{row[f'{name}_mib']:,}"),
        )
        for row in found["rows"]
        for name, words in _COMMANDS
        if f"{name}_s" in row
    ]
    said = (
        f"{found['cores']} cores, load average {found['load_average_before']:.1f} before and "
        f"{found['load_average_after']:.1f} after; {found['requests_per_window']} requests a window. Where "
        "the load is above the number of cores, seconds tell of the other work too, and processor time less."
    )
    return [
        markup.simple_table(label, heads, lines),
        tag("p", said),
        tag("p", "Made by ", tag("code", found["command"]), "."),
    ]


def estimate_blocks(
    rows: Sequence[Mapping[str, Any]],
    plan: Plan = Plan(),  # noqa: B008 - frozen
    prices: Assumed = Assumed(),  # noqa: B008 - frozen
) -> list[str]:
    """What a year of 10^10 requests would take, where each limit lies, and what lifts it.

    ``rows``: what was measured, the smallest size first and the largest last.
    """
    requests = plan.windows * plan.requests
    said = (
        f"{plan.providers} providers, {plan.models} models, {plan.vantages} vantages and {plan.scenarios} "
        f"scenarios, {plan.windows_per_day} windows of {plan.requests} requests a day each: "
        f"{plan.windows:,} windows and {requests:,} requests a year. By the largest size above, and by these "
        f"prices, which are assumed: {prices.storage_usd_per_gb_month:g} USD for a gigabyte a month, "
        f"{prices.core_usd_per_hour:g} USD for an hour of a core, {prices.input_usd_per_mtok:g} and "
        f"{prices.output_usd_per_mtok:g} USD for a million input and output tokens, {prices.input_tokens} "
        f"and {prices.output_tokens} of them a request."
    )
    lines = [markup.row(*line) for line in _limits(rows, plan, prices)]
    return [
        tag("p", said),
        markup.simple_table("What a year takes", ("What", "A year", "Where it ends", "What lifts it"), lines),
    ]


def _limits(
    rows: Sequence[Mapping[str, Any]], plan: Plan, prices: Assumed
) -> list[tuple[str | Html, str, str, str]]:
    first, last = rows[0], rows[-1]
    requests = plan.windows * plan.requests
    raw_gb = last["raw_mb"] / 1e3 / last["requests"] * requests
    core_hours = last["cold_cpu_s"] / last["requests"] * requests / 3600
    tokens_usd = requests * (
        prices.input_tokens * prices.input_usd_per_mtok + prices.output_tokens * prices.output_usd_per_mtok
    )
    monthly = plan.providers * plan.windows_per_day * 30 * plan.scenarios
    entry_bytes = 150  # of a window in a manifest
    return [
        (
            "Tokens bought",
            f"{tokens_usd / 1e6 / 1e6:,.1f} million USD",
            "first of all: measuring costs more than everything after it",
            "fewer windows where a rank is sure already; the plan says its price before it is run",
        ),
        (
            "Raw files",
            f"{raw_gb / 1e3:,.1f} TB, {raw_gb * prices.storage_usd_per_gb_month:,.0f} USD a month at its end",
            f"{places.MAX_ENTRIES:,} files in a tree; git is slow long before",
            "archive: raw files move by digest, what was said about them stays",
        ),
        (
            "Manifests",
            f"{monthly:,} windows in one folder of a month",
            f"{documents.MAX_BYTES // entry_bytes:,} windows: no file may have more than "
            f"{documents.MAX_BYTES:,} bytes",
            "a folder a day and scenario",
        ),
        (
            "Every number from the raw files",
            f"{core_hours:,.0f} hours of a core, {core_hours * prices.core_usd_per_hour:,.0f} USD",
            "a day on one machine, from about "
            f"{24 * 2 / max(core_hours / requests, 1e-18):,.0f} requests on with two cores",
            "windows are made one by one: more machines, each with some of the folders",
        ),
        (
            "Memory of rank",
            *_memory_words(first, last, plan),
            "a root a model, or a quarter: a rank rests on no window older than the methodology says",
        ),
        (
            "Pairs of rows",
            f"{plan.providers * (plan.providers - 1) // 2:,} in a family",
            "the square of the providers of one model, not of all windows",
            "nothing is needed",
        ),
    ]


def _memory_words(first: Mapping[str, Any], last: Mapping[str, Any], plan: Plan) -> tuple[str, str]:
    """By the growth from the smallest size to the largest; one size alone tells of none."""
    windows, mib = last["windows"] - first["windows"], last["cold_mib"] - first["cold_mib"]
    if windows <= 0 or mib <= 0:
        return "not known: it takes two sizes to tell", "not known"
    slope = mib / windows
    held = int((_MEMORY_MIB - first["cold_mib"]) / slope)
    whole = (first["cold_mib"] + slope * (plan.windows - first["windows"])) / 1024
    return f"{whole:,.0f} GiB, were it one root", f"{_MEMORY_MIB / 1024:g} GiB hold {held:,} windows"
