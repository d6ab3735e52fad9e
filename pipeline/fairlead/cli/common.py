"""What the commands share: where the root is, what time it is, how far a window is. Knows no command."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from fairlead.cache import Cache
    from fairlead.campaign import Progress
    from fairlead.evidence import Memory
    from fairlead.model import GitHub
    from fairlead.problems import Problem
    from fairlead.ranking import Row
    from fairlead.repository import Repository
    from fairlead.tables import Makers
    from fairlead.tokens import Shelf

#: Tables that stay in memory while pages are made, 10 to 20 kB each: a row's are read again and again.
_TABLES_HELD = 4096

EXIT_PROBLEMS, EXIT_ENVIRONMENT, EXIT_STOPPED = 1, 3, 130


class Commands(click.Group):
    """Commands in the order of the work, not of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, as they were added."""
        return list(self.commands)


def complain(message: str, fix: str | None = None) -> None:
    """Say on standard error what is wrong, and what would help."""
    _say(click.style("error", fg="red", bold=True), message, fix)


def warn(message: str, fix: str | None = None) -> None:
    """Say on standard error what stops nothing but had better be otherwise, and what would help."""
    _say(click.style("warning", fg="yellow", bold=True), message, fix)


def _say(severity: str, message: str, fix: str | None) -> None:
    click.echo(f"{severity}: {message}", err=True)
    if fix:
        click.echo(f"  = fix: {fix}", err=True)


in_root = click.option(
    "--root",
    "root_option",
    type=click.Path(path_type=Path, file_okay=False),
    help="The root to work in; else the nearest folder above that is one.",
)
tokenizer_files = click.option(
    "--tokenizer",
    "tokenizer_files",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A tokenizer.json to count with, found by its sha256; else the cache is looked in. May be repeated.",
)
as_json_too = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def find_root(root: Path | None) -> Path:
    """The root that was named, else the nearest folder above that is one."""
    if root is not None:
        if not root.is_dir():
            raise click.UsageError(f"--root {root} is not a folder")
        return root.resolve()
    from fairlead.repository import TOP_FOLDERS

    here = Path.cwd()
    for folder in (here, *here.parents):
        if all((folder / name).is_dir() for name in TOP_FOLDERS):
            return folder
    raise click.UsageError(
        f"no root above {here}: no folder there holds methodology/, providers/ and submissions/; "
        "name one with --root"
    )


def now() -> dt.datetime:
    """The time; SOURCE_DATE_EPOCH where it is set."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is not None:
        if not epoch.isdigit():
            raise click.UsageError(f"SOURCE_DATE_EPOCH is {epoch!r}, not a whole number of seconds")
        return dt.datetime.fromtimestamp(int(epoch), tz=dt.UTC)
    from fairlead.clock import SystemClock

    return dt.datetime.fromtimestamp(SystemClock().unix_ns() / 1e9, tz=dt.UTC)


def load(root: Path, cache: Cache | None = None) -> Repository:
    """The repository, or the end with its problems: nothing is computed from broken data.

    A spool that a killed run left is no reason to stop: measuring goes on from it.
    """
    repository, problems = load_or_problems(root, cache)
    stop_at(problems)
    return repository


def load_or_problems(root: Path, cache: Cache | None) -> tuple[Repository, Sequence[Problem]]:
    """The repository, and the problems that forbid to compute anything from it."""
    from fairlead.repository import load_repository
    from fairlead.repository.places import is_spool

    repository, problems = load_repository(root, cache, fetched=fetched_files())
    return repository, [problem for problem in problems if not is_spool(problem.path)]


def stop_at(problems: Sequence[Problem]) -> None:
    """End the command with its problems if one of them is an error."""
    from fairlead.problems import render_text

    if has_error(problems):
        click.echo(render_text(problems), nl=False, err=True)
        raise click.exceptions.Exit(EXIT_PROBLEMS)


def has_error(problems: Sequence[Problem]) -> bool:
    """Whether one of the problems forbids to go on."""
    from fairlead.problems import Severity

    return any(problem.severity is Severity.ERROR for problem in problems)


def board_rows(
    repository: Repository,
    moment: dt.datetime,
    *,
    with_replies: bool = False,
    with_cache: bool = True,
    only_until: bool = False,
    makers: Makers | None = None,
) -> Sequence[Row]:
    """Every row of the board, or the end with the problems of its evidence.

    ``with_replies``: also what a page shows of the replies behind them. ``with_cache``: what earlier runs
    found is used. ``only_until``: a window that ended after the moment is left out. ``makers``: machines of a
    cluster that read the raw files.
    """
    rows, problems = rows_or_problems(
        repository,
        moment,
        with_replies=with_replies,
        with_cache=with_cache,
        only_until=only_until,
        makers=makers,
    )
    stop_at(problems)
    return rows


def rows_or_problems(
    repository: Repository,
    moment: dt.datetime,
    *,
    with_replies: bool,
    with_cache: bool,
    only_until: bool = False,
    memory: Memory | None = None,
    makers: Makers | None = None,
) -> tuple[Sequence[Row], Sequence[Problem]]:
    """Every row of the board, and the problems of its evidence: no row where one of them is an error."""
    from fairlead import evidence as evidences
    from fairlead.board import rows_of
    from fairlead.estimating import estimator
    from fairlead.ranking import estimate_each

    def cache(name: str) -> Cache:
        return results_cache(repository.root, name)

    fetch = None
    if with_cache:
        evidence, problems, fetch = evidences.load_briefly(
            repository,
            tables=cache("windows"),
            briefs=cache("briefs"),
            held=_TABLES_HELD if with_replies else 0,
            makers=makers,
        )
    else:
        evidence, problems = evidences.load_evidence(repository, None, makers)
    if has_error(problems):
        return (), problems
    if only_until:
        evidence = [item for item in evidence if item.head.end_unix_ns <= moment.timestamp() * 1e9]
    if with_replies:
        if fetch is not None:
            fetch(evidence)  # a page looks at all of them
        evidence = evidences.with_replies(repository, evidence, memory)
    estimate = estimator(cache("figures"), fetch) if with_cache else estimate_each
    return rows_of(repository, evidence, moment, estimate=estimate), problems


def named_row(rows: Sequence[Row], name: str) -> Row:
    """The row of this id, or the end with those that are like it."""
    import difflib

    by_id = {row.id: row for row in rows}
    if name in by_id:
        return by_id[name]
    close = difflib.get_close_matches(name, by_id, n=3, cutoff=0.3) or list(by_id)[:3]
    raise click.UsageError(
        f"no row {name!r}; did you mean: " + ", ".join(close) if close else "there is no row"
    )


def latest_version(repository: Repository) -> str:
    """The highest methodology version of a root; a release candidate comes before its release."""
    if not repository.methodologies:
        raise click.UsageError(f"{repository.root} holds no methodology version")
    from fairlead.ranking import version_order

    return max(repository.methodologies, key=version_order)


class Meter:
    """How far a window is: a bar where there is a terminal, a line a window elsewhere, nothing if quiet.

    It draws only when it is told something, in the caller's thread: nothing of it runs while a window does.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._seen: tuple[int, str] | None = None
        self._bars: Any = None

    def __enter__(self) -> Meter:
        """Nothing is drawn yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar away."""
        self._clear()

    def say(self, text: str) -> None:
        """Print a line of the command's own output."""
        self._clear()
        click.echo(text)

    def report(self, progress: Progress) -> None:
        """Show how far a window is."""
        if self._quiet:
            return
        is_new, self._seen = self._seen != (progress.window, progress.name), (progress.window, progress.name)
        what = f"window {progress.window} of {progress.windows}  {progress.name}"
        if sys.stderr.isatty():
            self._draw(what, progress, is_new=is_new)
        elif is_new:
            click.echo(what, err=True)

    def _draw(self, what: str, progress: Progress, *, is_new: bool) -> None:
        is_first = self._bars is None
        if is_first:
            self._bars = _make_bars()
            self._bars.add_task("", failed="")
        task = self._bars.tasks[0].id
        if is_new:
            self._bars.reset(task)
        failed = f", {progress.failed} failed" if progress.failed else ""
        self._bars.update(
            task, description=what, completed=progress.done, total=progress.planned, failed=failed
        )
        if is_first:
            self._bars.start()
        self._bars.refresh()

    def _clear(self) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None


def _make_bars() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    return Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("requests{task.fields[failed]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        auto_refresh=False,
    )


def wait(ns: int) -> None:
    """Say how long, where it is long, and wait."""
    from fairlead.clock import SystemClock, pause

    if ns > 2_000_000_000:
        until = dt.datetime.fromtimestamp((SystemClock().unix_ns() + ns) / 1e9, tz=dt.UTC)
        click.echo(
            f"waiting until {until:%Y-%m-%d %H:%M:%S} UTC (ctrl-C stops; the same command goes on)", err=True
        )
    pause(ns)


def tokenizer_shelf(files: Sequence[Path]) -> Shelf:
    """The tokenizers that were given, and the cache: fairlead/tokenizers/ in the user's cache folder."""
    from fairlead.tokens import open_shelf

    return open_shelf(files, _cache_folder() / "tokenizers")


def results_cache(root: Path, name: str, *, is_large: bool = False) -> Cache:
    """What earlier runs found in a root: fairlead/results/<digest of its path>/<name> in the user's cache
    folder. ``is_large``: as of :class:`fairlead.cache.Cache`."""
    from fairlead.cache import Cache

    place = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:32]
    return Cache(_cache_folder() / "results" / place / name, is_large)


def fetched_files() -> Path:
    """The archived raw files that were fetched: fairlead/raw/ in the user's cache folder."""
    return _cache_folder() / "raw"


def _cache_folder() -> Path:
    named = os.environ.get("XDG_CACHE_HOME", "")
    cache = Path(named) if os.path.isabs(named) else Path.home() / ".cache"  # noqa: PTH117 - the standard's rule
    return cache / "fairlead"


@contextlib.contextmanager
def tokenizer_errors() -> Iterator[None]:
    """A tokenizer that is missing, or is not the pinned one, ends the command with its reason and its fix."""
    from fairlead.tokens import TokenizerError

    try:
        yield
    except TokenizerError as error:
        complain(error.message, error.fix)
        raise click.exceptions.Exit(EXIT_ENVIRONMENT) from None


@contextlib.contextmanager
def campaign_errors() -> Iterator[None]:
    """A campaign that cannot be run ends with its reason and its fix."""
    from fairlead.campaign import CampaignError

    try:
        yield
    except CampaignError as error:
        complain(error.message, error.fix)
        raise click.exceptions.Exit(EXIT_PROBLEMS) from None


def seconds(text: str) -> float:
    """A duration as people write it: 90s, 15m, 1h, 1d."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    try:
        seconds = float(text[:-1]) * units[text[-1:]]
    except (KeyError, ValueError):
        raise click.UsageError(f"{text!r} is no duration; write 90s, 15m, 1h or 1d") from None
    if not 0 <= seconds <= 366 * 86400:
        raise click.UsageError(f"{text!r} is not between 0 and a year")
    return seconds


def submission_name(text: str) -> str:
    """``<provider>/<submission>``, where the path of its folder may have been typed."""
    return text.rstrip("/").removeprefix("./").removeprefix("submissions/")


def ask(value: str | None, option: str, question: str) -> str:
    """The value, or what a person at a terminal answers; elsewhere the option is missed."""
    if value is not None:
        return value
    if not is_at_a_terminal():
        raise click.UsageError(f"missing {option}: {question[0].lower()}{question[1:]}?")
    answer: str = click.prompt(question)
    return answer


def is_at_a_terminal() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty()


def github_account(text: str) -> GitHub:
    """An account as people write it: alice:1234."""
    from fairlead.model import GitHub

    login, _, number = text.partition(":")
    if not login or not (number.isascii() and number.isdigit()):
        raise click.UsageError(f"{text!r} is no account: write LOGIN:ID, as in alice:1234")
    return GitHub(login=login, id=int(number))
