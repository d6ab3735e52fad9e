"""The command that runs the whole loop."""

from __future__ import annotations

from pathlib import Path

import click

from fairlead.cli.common import (
    Meter,
    wait,
)


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), help="The folder to make; a new temporary one if not given."
)
@click.option("--seed", type=int, default=None, help="Seed of the reference endpoints' timing.")
def demo(out: Path | None, seed: int | None) -> None:
    """Run the whole loop on this machine: measure, submit, check, rank, build the site.

    Starts reference endpoints of known timing on loopback and works in a scratch root of its own.
    Needs no key, no account and no network.
    """
    from fairlead.demo import run_demo

    with Meter() as meter:
        code = run_demo(out, seed=seed, say=meter.say, report=meter.report, wait=wait)
    raise click.exceptions.Exit(code)
