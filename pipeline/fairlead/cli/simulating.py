"""The commands that say how often our own statistics are wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairlead.cli.common import (
    EXIT_PROBLEMS,
    Commands,
    as_json_too,
    find_root,
    in_root,
    latest_version,
    load,
)

if TYPE_CHECKING:
    from fairlead.model import Methodology

_seed = click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, help="Of all randomness."
)


@click.group(cls=Commands)
def simulate() -> None:
    """Error rates of our own statistics, on simulated providers whose truth is known."""


@simulate.command()
@click.option("--providers", type=click.IntRange(2), default=2000, show_default=True, help="In each cell.")
@_seed
@as_json_too
@in_root
def coverage(providers: int, seed: int, as_json: bool, root_option: Path | None) -> None:
    """How often intervals hold the truth, and how wide they are; exit 1 if a published cell fails."""
    from dataclasses import asdict

    import numpy as np

    from fairlead import ranking, report
    from fairlead.simulate import cover

    methodology = _methodology(root_option)
    rules = ranking.interval_rules(methodology)
    cells = cover(rules, providers, np.random.default_rng(seed))
    command = f"fairlead simulate coverage --providers {providers} --seed {seed} --json"
    results = _shown(cells, report.cell_line, as_json=as_json)
    if as_json:
        click.echo(report.simulation_json(command, methodology.version, asdict(rules), results), nl=False)
    _judge(cell for cell in results if not cell.is_stress)


@simulate.command()
@click.option("--boards", type=click.IntRange(2), default=2000, show_default=True, help="Of each kind.")
@_seed
@as_json_too
@in_root
def comparison(boards: int, seed: int, as_json: bool, root_option: Path | None) -> None:
    """How often equal rows are told apart, and a better one is found; exit 1 if a kind of board fails."""
    from dataclasses import asdict

    import numpy as np

    from fairlead import ranking, report
    from fairlead.simulate import BOARDS, compare_boards

    methodology = _methodology(root_option)
    rules = methodology.statistics
    streams = np.random.default_rng(seed).spawn(len(BOARDS))
    kinds = (
        compare_boards(board, boards, own, rounds_min=rules.rounds_min, family_error=rules.family_error)
        for board, own in zip(BOARDS, streams, strict=True)
    )
    command = f"fairlead simulate comparison --boards {boards} --seed {seed} --json"
    results = _shown(kinds, report.boards_line, as_json=as_json)
    if as_json:
        intervals = ranking.interval_rules(methodology)
        click.echo(report.simulation_json(command, methodology.version, asdict(intervals), results), nl=False)
    _judge(results)


@simulate.command()
@click.option("--submissions", type=click.IntRange(2), default=2000, show_default=True, help="In each cell.")
@_seed
@as_json_too
@in_root
def verdict(submissions: int, seed: int, as_json: bool, root_option: Path | None) -> None:
    """How often a claim is judged wrongly, and from how many windows; exit 1 if an error is not held."""
    import msgspec
    import numpy as np

    from fairlead import ranking, report
    from fairlead.operating import operating_characteristics
    from fairlead.stats.sequential import Clustering

    methodology = _methodology(root_option)
    rules, intervals = methodology.verdict, ranking.interval_rules(methodology)
    if rules.stopping is None:
        raise click.UsageError(f"methodology {methodology.version} has no stopping rule")
    cells = operating_characteristics(
        (rules.latency_margin_share, rules.success_margin_share),
        rules.stopping,
        Clustering(intervals.failure_correlation, intervals.failure_correlation_windows),
        submissions,
        np.random.default_rng(seed),
    )
    command = f"fairlead simulate verdict --submissions {submissions} --seed {seed} --json"
    results = _shown(cells, report.operating_line, as_json=as_json)
    if as_json:
        stated = msgspec.to_builtins(rules)
        click.echo(report.simulation_json(command, methodology.version, stated, results), nl=False)
    _judge(results)


@simulate.command("integrity")
@click.option(
    "--submissions", type=click.IntRange(2), default=100, show_default=True, help="Honest, of each endpoint."
)
@click.option("--forged", type=click.IntRange(2), default=20, show_default=True, help="Of each fraud.")
@_seed
@as_json_too
@in_root
def integrity_(submissions: int, forged: int, seed: int, as_json: bool, root_option: Path | None) -> None:
    """How often honest claims are named, and planted frauds found; exit 1 if a fraud slips through."""
    from dataclasses import asdict

    import numpy as np

    from fairlead import report
    from fairlead.forgery.trials import trials
    from fairlead.integrity import limits

    methodology = _methodology(root_option)
    rules = limits(methodology)
    if rules is None:
        raise click.UsageError(f"methodology {methodology.version} states no `integrity`")
    found = trials(rules, submissions, forged, np.random.default_rng(seed))
    counts = f"--submissions {submissions} --forged {forged}"
    command = f"fairlead simulate integrity {counts} --seed {seed} --json"
    results = _shown(found, report.trial_line, as_json=as_json)
    if as_json:
        click.echo(report.simulation_json(command, methodology.version, asdict(rules), results), nl=False)
    _judge(results)


def _methodology(root_option: Path | None) -> Methodology:
    repository = load(find_root(root_option))
    return repository.methodologies[latest_version(repository)]


def _shown(results: Iterable[Any], line: Callable[[Any], str], *, as_json: bool) -> list[Any]:
    """All results; each is shown as it comes, on standard error where the output is for machines."""
    kept = []
    for result in results:
        click.echo(line(result), err=as_json)
        kept.append(result)
    return kept


def _judge(results: Iterable[Any]) -> None:
    if any(result.fault for result in results):
        raise click.exceptions.Exit(EXIT_PROBLEMS)
