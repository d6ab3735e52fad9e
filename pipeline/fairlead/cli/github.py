"""The commands that speak to GitHub: comment. ``GITHUB_TOKEN`` and ``GITHUB_API_URL`` are read here."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

import click

from fairlead.cli.common import wait

if TYPE_CHECKING:
    from fairlead.github import Client

API_URL = "https://api.github.com"


@click.command()
@click.argument("report", type=click.File("rb"))
@click.option("--repository", required=True, metavar="OWNER/NAME", help="Where the pull request is.")
@click.option("--head", required=True, metavar="SHA", help="The commit that the report is about, in full.")
@click.option("--site", metavar="URL", help="Where the rules are published, for links to them.")
@click.option("--print", "only_print", is_flag=True, help="Print the comment and ask GitHub nothing.")
def comment(report: IO[bytes], repository: str, head: str, site: str | None, only_print: bool) -> None:
    """Say what `check --json` found, on the open pull request that stands at a commit.

    REPORT is what `fairlead check --json` printed (- for standard input). It may be anybody's: nothing in it
    becomes a mention, a link or HTML, and the pull request is found by the commit alone. There is one comment
    a pull request, kept up to date. GITHUB_TOKEN needs `pull-requests: write`.
    """
    from fairlead import github as hub
    from fairlead.github.comments import MAX_REPORT_BYTES

    if site is not None and not site.startswith("https://"):
        raise click.UsageError(f"--site {site} does not begin with https://")
    body = hub.render_comment(report.read(MAX_REPORT_BYTES + 1), site)
    if only_print:
        click.echo(body, nl=False)
        return
    with connected(needs_token=True) as client:
        found = hub.pull_of_head(client, repository, head)
        if found.number is None:
            click.echo(f"nothing to comment on: {found.reason}")
            return
        author = hub.own_account(client)
        url = hub.post_comment(client, repository, found.number, body, author=author)
    from fairlead.problems import visible

    click.echo(visible(url))


@contextlib.contextmanager
def connected(*, needs_token: bool) -> Iterator[Client]:
    """GitHub as the environment names it."""
    import random

    from fairlead.clock import SystemClock
    from fairlead.github import Client

    token = os.environ.get("GITHUB_TOKEN") or None
    if needs_token and token is None:
        raise click.UsageError("GITHUB_TOKEN is not set: writing to GitHub needs a token")
    url = os.environ.get("GITHUB_API_URL") or API_URL
    jitter = random.SystemRandom()
    with Client(url, token, clock=SystemClock(), wait=wait, jitter=jitter) as client:
        yield client
