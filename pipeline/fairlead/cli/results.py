"""The commands that turn a root into a leaderboard and a site."""

from __future__ import annotations

import datetime as dt
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairlead.cli.clustering import make_on_ray, makers_at
from fairlead.cli.common import (
    EXIT_ENVIRONMENT,
    EXIT_PROBLEMS,
    as_json_too,
    board_rows,
    complain,
    find_root,
    has_error,
    in_root,
    load,
    load_or_problems,
    named_row,
    now,
    results_cache,
    rows_or_problems,
    stop_at,
    submission_name,
)
from fairlead.cli.completing import complete_model, complete_submission

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.publish import LiveSite
    from fairlead.ranking import Row
    from fairlead.tables import Makers


@click.command()
@click.option("--model", shell_complete=complete_model, help="Only this model.")
@make_on_ray
@as_json_too
@in_root
def rank(model: str | None, ray_address: str | None, as_json: bool, root_option: Path | None) -> None:
    """Print the leaderboard: rank ranges of neutral rows, and every other row with its reason."""
    from fairlead import report
    from fairlead.tables import uncollected

    root = find_root(root_option)
    with uncollected(), makers_at(ray_address) as makers:
        repository = load(root, results_cache(root, "documents"))
        moment = now()
        rows = board_rows(repository, moment, makers=makers)
    if model is not None:
        rows = [row for row in rows if row.family.model == model]
    for part in report.rank_json_parts(rows, moment) if as_json else [report.rank_text(rows)]:
        click.echo(part, nl=False)


@click.command()
@click.argument("row")
@click.option("--figure", "name", help="Which figure; without it, the first that the row has.")
@as_json_too
@in_root
def explain(row: str, name: str | None, as_json: bool, root_option: Path | None) -> None:
    """Take a published number apart: the windows, files and lines it is made from, each computed again."""
    from fairlead import explain as explaining
    from fairlead import report
    from fairlead.evidence import read_raw, steady_rules
    from fairlead.ranking import FIGURES, methodology_of

    root = find_root(root_option)
    repository = load(root, results_cache(root, "documents"))
    found = named_row(board_rows(repository, now()), row)
    figures = {figure.name: figure for figure in FIGURES}
    given = [each for each in figures if found.figures[each].value is not None]
    if name is not None and name not in figures:
        raise click.UsageError(f"no figure {name!r}; there are: {', '.join(figures)}")
    figure = figures[name or next(iter(given), next(iter(figures)))]
    explanation = explaining.explain(
        found,
        figure,
        lambda path: read_raw(repository, path),
        steady_rules(methodology_of(repository.methodologies, found.family.methodology)),
    )
    show = report.explanation_json if as_json else report.explanation_text
    click.echo(show(explanation), nl=False)
    if not explanation.agrees:
        raise click.exceptions.Exit(EXIT_PROBLEMS)


@click.command()
@click.argument("submission", metavar="SUBMISSION", shell_complete=complete_submission)
@as_json_too
@in_root
def verdict(submission: str, as_json: bool, root_option: Path | None) -> None:
    """Hold a claim against the neutral windows of its reruns: reproduced, not, or inconclusive, and why.

    SUBMISSION is <provider>/<folder>, with or without submissions/ before it. Whatever the verdict, the exit
    code is 0: a claim that fails is no problem in the data.
    """
    from fairlead import evidence as evidences
    from fairlead import report
    from fairlead.verdict import judge_submission

    root = find_root(root_option)
    repository = load(root, results_cache(root, "documents"))
    name = submission_name(submission)
    if name not in repository.submissions:
        known = ", ".join(repository.submissions) or "none"
        raise click.UsageError(f"no submission {name!r}; there are: {known}")
    evidence, problems = evidences.load_evidence(repository, results_cache(root, "windows"))
    stop_at(problems)
    found = judge_submission(repository, evidence, name)
    click.echo(report.verdict_json(found) if as_json else report.verdict_text(found), nl=False)


def _site_url(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """The address with a slash at its end; None for an empty one, as a forge's unset variable gives it."""
    if not value:
        return None
    if not re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*/?", value):
        raise click.BadParameter(f"{value!r} is no address such as https://board.example/ or one below it")
    return value.rstrip("/") + "/"


site_url_option = click.option(
    "--site-url",
    metavar="URL",
    callback=_site_url,
    help="Where the site will be served from: for canonical addresses, feeds, badges and a sitemap.",
)


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("build/site"), show_default=True
)
@click.option(
    "--verify",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="SUMS",
    help="Compare with a published build by its SHA256SUMS; exit 1 if a byte differs.",
)
@site_url_option
@make_on_ray
@in_root
def build(
    out: Path,
    verify: Path | None,
    site_url: str | None,
    ray_address: str | None,
    root_option: Path | None,
) -> None:
    """Build the static site. Its SHA256SUMS lists every file.

    With --verify nothing that earlier runs found is used: every number is made from the raw files again.
    """
    root = find_root(root_option)
    with makers_at(ray_address) as makers:
        _build(root, out, with_cache=verify is None, site_url=site_url, makers=makers)
    if verify is not None:
        from fairlead.publish import sums

        differences = sums.compare(verify.read_bytes(), out)
        for difference in differences:
            click.echo(difference)
        if differences:
            raise click.exceptions.Exit(EXIT_PROBLEMS)
        click.echo(f"every file is what {verify} says")


def _build(
    root: Path,
    out: Path,
    *,
    with_cache: bool = True,
    site_url: str | None = None,
    makers: Makers | None = None,
) -> None:
    from fairlead.publish import SiteError, build_site, raw_files_at_rest

    cache = results_cache(root, "documents") if with_cache else None
    repository, moment = load(root, cache), _build_time(root)
    try:
        with raw_files_at_rest():
            rows = board_rows(repository, moment, with_replies=True, with_cache=with_cache, makers=makers)
        outcome = build_site(
            repository,
            rows,
            out=out,
            now=moment,
            commit=_commit(root),
            site_url=site_url,
            charts=results_cache(root, "charts") if with_cache else None,
            requests=results_cache(root, "requests", is_large=True) if with_cache else None,
        )
    except SiteError as error:
        complain(str(error))
        raise click.exceptions.Exit(EXIT_ENVIRONMENT) from None
    stop_at(outcome.problems)
    click.echo(f"{outcome.pages} pages in {out}")


def _build_time(root: Path) -> dt.datetime:
    from fairlead import history

    if "SOURCE_DATE_EPOCH" in os.environ:
        return now()
    return history.commit_time(root) or now()


def _commit(root: Path) -> str | None:
    from fairlead import history

    return history.commit_id(root)


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@in_root
def serve(port: int, root_option: Path | None) -> None:
    """Build the site and serve it on loopback; an open page follows the files of the root.

    Where the data are broken the problems are printed and shown on top of each page, and the last good site
    stays. Nothing of this is in the files that `fairlead build` writes.
    """
    import tempfile
    import threading

    from fairlead.publish import (
        Bulletin,
        LiveSite,
        SiteError,
        follow,
        look_at,
        running_site,
        shipped_source,
    )
    from fairlead.repository import TOP_FOLDERS

    root, source, bulletin = find_root(root_option), shipped_source(), Bulletin()
    watched = [*(root / name for name in TOP_FOLDERS), source]
    moment = _build_time(root)
    with tempfile.TemporaryDirectory() as folder:
        requests = results_cache(root, "requests", is_large=True)
        live = LiveSite(Path(folder), source, results_cache(root, "charts"), requests)
        seen = look_at(watched)
        try:
            words = _refresh(live, root, moment)
        except SiteError as error:
            complain(str(error))
            raise click.exceptions.Exit(EXIT_ENVIRONMENT) from None
        if words:
            raise click.exceptions.Exit(EXIT_PROBLEMS)

        def changed() -> None:
            try:
                bulletin.post(_refresh(live, root, moment))
            except SiteError as error:
                complain(str(error))
                bulletin.post(str(error))

        with running_site(live.site, bulletin, port=port) as address:
            click.echo(f"serving on {address} (ctrl-C stops it)")
            follow(watched, seen, threading.Event(), changed)


def _refresh(live: LiveSite, root: Path, moment: dt.datetime) -> str:
    """Bring a live site up to date and say so; what is wrong with the root's files, if anything, in words."""
    from fairlead.clock import SystemClock
    from fairlead.problems import render_text
    from fairlead.publish import raw_files_at_rest

    clock = SystemClock()
    begin_ns = clock.mono_ns()
    repository, problems = load_or_problems(root, results_cache(root, "documents"))
    rows: Sequence[Row] = ()
    if not has_error(problems):
        with raw_files_at_rest():
            rows, problems = rows_or_problems(
                repository, moment, with_replies=True, with_cache=True, memory=live.memory
            )
    if not has_error(problems):
        count, problems = live.update(repository, rows, now=moment, commit=_commit(root))
    if has_error(problems):
        words = render_text(problems)
        click.echo(words, nl=False, err=True)
        return words
    spent_ms = (clock.mono_ns() - begin_ns) // 1_000_000
    click.echo(f"{count} {'page' if count == 1 else 'pages'} rendered in {spent_ms:,} ms")
    return ""


@click.command()
@click.argument("quarter")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write it there instead, to compare it with the one that is committed.",
)
@in_root
def snapshot(quarter: str, out: Path | None, root_option: Path | None) -> None:
    """Freeze what the board said at the end of QUARTER (2026-Q3), into site/snapshots/.

    It is made from the commit that is checked out, with what was measured and recorded until the quarter's
    end; at that commit anybody makes the same bytes again. Commit it as it is: it is never changed, and what
    happens to a row later is shown beside it.
    """
    from fairlead import history, snapshots
    from fairlead.publish.edition import Edition
    from fairlead.publish.snapshots import make_files
    from fairlead.repository import TOP_FOLDERS

    end = snapshots.quarter_end(quarter)
    if end is None:
        raise click.UsageError(f"{quarter!r} is no quarter; write 2026-Q3")
    if end > now():
        raise click.UsageError(
            f"{quarter} ends on {end - dt.timedelta(days=1):%Y-%m-%d}; freeze it afterwards"
        )
    root = find_root(root_option)
    target = out or root / snapshots.FOLDER / quarter
    if target.exists() and any(target.iterdir()):
        raise click.UsageError(f"{target} is there already, and a snapshot is never made anew; see --out")
    if history.is_under_git(root) and not history.is_clean(root, TOP_FOLDERS):
        complain("the data differs from the commit that is checked out", "commit it first, or check out main")
        raise click.exceptions.Exit(EXIT_PROBLEMS)
    repository = load(root, results_cache(root, "documents"))
    rows = board_rows(repository, end, only_until=True)
    files = make_files(Edition(repository, tuple(rows), end, _commit(root), {}), quarter)
    target.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (target / name).write_bytes(data)
    click.echo(f"{len(rows)} rows of {quarter} in {target}")
    if out is None:
        click.echo(f"next: commit {snapshots.FOLDER}/{quarter} alone, and open a pull request")
