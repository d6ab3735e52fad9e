"""The command line: nothing but wiring. The only place that reads arguments and the environment.

Each command imports what it needs when it runs, so that ``--help`` is there at once. Exit codes:
0 clean, 1 problems in the data, 2 usage, 3 the environment or our own mistake.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from fairlead import __version__
from fairlead.cli import (
    archiving,
    claims,
    completing,
    data,
    disputing,
    doctoring,
    forge,
    github,
    governing,
    joining,
    loop,
    measuring,
    others,
    proposing,
    rerunning,
    results,
    simulating,
    voting,
)
from fairlead.cli.common import EXIT_ENVIRONMENT, EXIT_STOPPED, Commands, complain
from fairlead.cli.examples import show_examples


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `fairlead demo`: it runs the whole loop on this machine and needs no key.",
)
@click.version_option(__version__, "-V", "--version", prog_name="fairlead")
def cli() -> None:
    """A leaderboard of LLM inference providers that its own rivals can trust."""


for _command in (
    loop.demo,
    data.check,
    data.format_,
    disputing.new,
    measuring.reference,
    doctoring.doctor,
    measuring.calibrate_,
    measuring.measure,
    claims.register,
    claims.submit,
    rerunning.rerun,
    others.import_,
    others.audit,
    others.export,
    results.verdict,
    results.rank,
    results.explain,
    governing.impact,
    voting.tally,
    governing.conflicts,
    simulating.simulate,
    results.build,
    results.serve,
    results.snapshot,
    archiving.archive,
    forge.rounds,
    forge.land,
    forge.review,
    forge.codeowners,
    github.comment,
    completing.completion,
):
    cli.add_command(_command)
disputing.new.add_command(joining.provider)
disputing.new.add_command(proposing.proposal)
show_examples(cli)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    try:
        code = cli.main(
            args=None if argv is None else list(argv), prog_name="fairlead", standalone_mode=False
        )
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("\nStopped. What was measured until now is kept.", err=True)
        code = EXIT_STOPPED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except _environment_problems() as error:
        complain(error.message, error.fix)
        code = EXIT_ENVIRONMENT
    except OSError as error:
        complain(f"{error.strerror or error}: {error.filename}" if error.filename else str(error))
        code = EXIT_ENVIRONMENT
    except Exception:  # noqa: BLE001 - the last guard: our own mistake is exit code 3, never that of bad data
        import traceback

        traceback.print_exc()
        complain("this is a mistake of Fairlead's own", "please report it with the lines above")
        code = EXIT_ENVIRONMENT
    sys.exit(code if isinstance(code, int) else 0)


def _environment_problems() -> Any:
    """The exceptions of a machine that lacks something; imported only once something went wrong."""
    from fairlead.cores import LostProcessError
    from fairlead.history import EnvironmentProblem

    return EnvironmentProblem, LostProcessError
