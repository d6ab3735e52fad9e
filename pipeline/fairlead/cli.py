"""The command line: nothing but wiring. The only place that reads arguments and the environment.

Each command imports what it needs when it runs, so that ``--help`` is there at once. Exit codes:
0 clean, 1 problems in the data, 2 usage, 3 the environment or our own mistake.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairlead import __version__

if TYPE_CHECKING:
    from fairlead.campaign import Progress
    from fairlead.problems import Problem
    from fairlead.repository import Repository

EXIT_PROBLEMS, EXIT_ENVIRONMENT = 1, 3

_ROOT_FOLDERS = ("methodology", "providers", "submissions")


class _Commands(click.Group):
    """Commands in the order of the work, not of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self.commands)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `fairlead demo`: it runs the whole loop on this machine and needs no key.",
)
@click.version_option(__version__, "-V", "--version", prog_name="fairlead")
def cli() -> None:
    """A leaderboard of LLM inference providers that its own rivals can trust."""


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
        code = 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except _environment_problems() as error:
        _complain(error.message, error.fix)
        code = EXIT_ENVIRONMENT
    except OSError as error:
        _complain(f"{error.strerror or error}: {error.filename}" if error.filename else str(error))
        code = EXIT_ENVIRONMENT
    except Exception:  # noqa: BLE001 - the last guard: our own mistake is exit code 3, never that of bad data
        import traceback

        traceback.print_exc()
        _complain("this is a mistake of Fairlead's own", "please report it with the lines above")
        code = EXIT_ENVIRONMENT
    sys.exit(code if isinstance(code, int) else 0)


def _environment_problems() -> type[Any]:
    """The exception of a machine that lacks something; imported only once something went wrong."""
    from fairlead.history import EnvironmentProblem

    return EnvironmentProblem


def _complain(message: str, fix: str | None = None) -> None:
    click.echo(f"{click.style('error', fg='red', bold=True)}: {message}", err=True)
    if fix:
        click.echo(f"  = fix: {fix}", err=True)


# -- shared options ------------------------------------------------------------------------------

_root_option = click.option(
    "--root",
    "root_option",
    type=click.Path(path_type=Path, file_okay=False),
    help="The root to work in; else the nearest folder above that is one.",
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def _find_root(root: Path | None) -> Path:
    if root is not None:
        if not root.is_dir():
            raise click.UsageError(f"--root {root} is not a folder")
        return root.resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if all((folder / name).is_dir() for name in _ROOT_FOLDERS):
            return folder
    raise click.UsageError(
        f"no root above {here}: no folder there holds methodology/, providers/ and submissions/; "
        "name one with --root"
    )


def _now() -> dt.datetime:
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is not None:
        if not epoch.isdigit():
            raise click.UsageError(f"SOURCE_DATE_EPOCH is {epoch!r}, not a whole number of seconds")
        return dt.datetime.fromtimestamp(int(epoch), tz=dt.UTC)
    from fairlead.clock import SystemClock

    return dt.datetime.fromtimestamp(SystemClock().unix_ns() / 1e9, tz=dt.UTC)


def _load(root: Path) -> Repository:
    """The repository, or the end with its problems: nothing is computed from broken data.

    A spool that a killed run left is no reason to stop: measuring goes on from it.
    """
    from fairlead.repository import load_repository

    repository, problems = load_repository(root)
    _stop_at([problem for problem in problems if not problem.path.endswith(".spool")])
    return repository


def _stop_at(problems: Sequence[Problem]) -> None:
    from fairlead.problems import Severity, render_text

    if any(problem.severity is Severity.ERROR for problem in problems):
        click.echo(render_text(problems), nl=False, err=True)
        raise click.exceptions.Exit(EXIT_PROBLEMS)


def _latest_version(repository: Repository) -> str:
    if not repository.methodologies:
        raise click.UsageError(f"{repository.root} holds no methodology version")
    return max(
        repository.methodologies, key=lambda version: [int(part) for part in version.split("-")[0].split(".")]
    )


class _Meter:
    """How far a window is: a bar where there is a terminal, a line a window elsewhere, nothing if quiet.

    It draws only when it is told something, in the caller's thread: nothing of it runs while a window does.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._seen: tuple[int, str] | None = None
        self._bars: Any = None

    def __enter__(self) -> _Meter:
        return self

    def __exit__(self, *_: object) -> None:
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


def _wait(ns: int) -> None:
    """Say how long, where it is long, and wait."""
    from fairlead.clock import SystemClock, pause

    if ns > 2_000_000_000:
        until = dt.datetime.fromtimestamp((SystemClock().unix_ns() + ns) / 1e9, tz=dt.UTC)
        click.echo(
            f"waiting until {until:%Y-%m-%d %H:%M:%S} UTC (ctrl-C stops; the same command goes on)", err=True
        )
    pause(ns)


# -- the whole loop ------------------------------------------------------------------------------


@cli.command()
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

    with _Meter() as meter:
        code = run_demo(out, seed=seed, say=meter.say, report=meter.report, wait=_wait)
    raise click.exceptions.Exit(code)


# -- data ----------------------------------------------------------------------------------------


@cli.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--base", metavar="REF", help="Also prove against this git revision that nothing frozen changed."
)
@click.option("--github", "as_github", is_flag=True, help="Print annotations for GitHub Actions.")
@_json_option
@_root_option
def check(
    paths: tuple[Path, ...], base: str | None, as_github: bool, as_json: bool, root_option: Path | None
) -> None:
    """Check every file: form, schema, references, raw data, and with --base what may never change.

    With PATHs only the problems of those files and folders are shown.
    """
    from fairlead import checks, problems

    root = _find_root(root_option)
    found = checks.run_checks(root, base=base, paths=[_below(root, path) for path in paths], now=_now())
    render = problems.render_text
    if as_json:
        render = problems.render_json
    elif as_github:
        render = problems.render_github
    click.echo(render(found), nl=not as_github)
    if any(problem.code.startswith("BUG") for problem in found):
        raise click.exceptions.Exit(EXIT_ENVIRONMENT)
    if any(problem.severity is problems.Severity.ERROR for problem in found):
        raise click.exceptions.Exit(EXIT_PROBLEMS)


def _below(root: Path, path: Path) -> str:
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow a link out of the root
    try:
        return absolute.relative_to(root).as_posix()
    except ValueError:
        raise click.UsageError(f"{path} is not below the root {root}") from None


@cli.command("format")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--check", "only_check", is_flag=True, help="Change nothing; exit 1 if a file is not canonical."
)
@_json_option
@_root_option
def format_(paths: tuple[Path, ...], only_check: bool, as_json: bool, root_option: Path | None) -> None:
    """Write every YAML file in its one canonical form. A comment is refused, never dropped."""
    from fairlead import problems
    from fairlead.repository import format_tree

    root = _find_root(root_option)
    changed, found = format_tree(root, [_below(root, path) for path in paths])
    if not only_check:
        for path, text in changed.items():
            (root / path).write_bytes(text.encode())
    if as_json:
        click.echo(problems.render_json(found))
    else:
        for path in changed:
            click.echo(f"{'not canonical' if only_check else 'formatted'}: {path}")
        if found:
            click.echo(problems.render_text(found), nl=False)
        if only_check and changed:
            click.echo("  = fix: run `fairlead format`", err=True)
    if found or (only_check and changed):
        raise click.exceptions.Exit(EXIT_PROBLEMS)


# -- measuring -----------------------------------------------------------------------------------


@cli.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8377, show_default=True, help="0 for a free one."
)
@click.option(
    "--seed", default="00", show_default=True, help="Hex; everything the endpoint does follows from it."
)
@click.option("--ttft-ms", type=click.FloatRange(0), default=200, show_default=True, help="Median TTFT.")
@click.option(
    "--ttft-log-sd",
    type=click.FloatRange(0),
    default=0,
    show_default=True,
    help="0: constant, else lognormal.",
)
@click.option(
    "--icl-ms", type=click.FloatRange(0), default=10, show_default=True, help="Median gap between chunks."
)
@click.option(
    "--icl-log-sd",
    type=click.FloatRange(0),
    default=0,
    show_default=True,
    help="0: constant, else lognormal.",
)
@click.option("--tokens-per-chunk", type=click.IntRange(1), default=1, show_default=True)
@click.option(
    "--reasoning-tokens",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="The first so many tokens.",
)
@click.option(
    "--role-chunk/--no-role-chunk", default=True, show_default=True, help="A first chunk without content."
)
@click.option("--usage/--no-usage", default=True, show_default=True, help="Report usage at the end.")
@click.option("--rate-limited", type=click.FloatRange(0, 1), default=0, help="Share answered with 429.")
@click.option("--server-error", type=click.FloatRange(0, 1), default=0, help="Share answered with 500.")
@click.option(
    "--stream-error", type=click.FloatRange(0, 1), default=0, help="Share that fails inside the stream."
)
@click.option("--truncated", type=click.FloatRange(0, 1), default=0, help="Share cut off without a finish.")
@click.option("--stall", type=click.FloatRange(0, 1), default=0, help="Share with one long gap.")
@click.option("--stall-ms", type=click.FloatRange(0), default=0, help="How long that gap is.")
@click.option("--model", default="reference", show_default=True, help="The model's name in the API.")
@click.option(
    "--log", type=click.Path(path_type=Path, dir_okay=False), help="Write when each chunk was really sent."
)
def reference(
    port: int,
    seed: str,
    ttft_ms: float,
    ttft_log_sd: float,
    icl_ms: float,
    icl_log_sd: float,
    tokens_per_chunk: int,
    reasoning_tokens: int,
    role_chunk: bool,
    usage: bool,
    rate_limited: float,
    server_error: float,
    stream_error: float,
    truncated: float,
    stall: float,
    stall_ms: float,
    model: str,
    log: Path | None,
) -> None:
    """Run the reference endpoint: an OpenAI-compatible server of known timing, on loopback."""
    from fairlead.measure.reference import serve
    from fairlead.measure.truth import ReferenceProfile

    try:
        profile = ReferenceProfile(
            seed=seed,
            model=model,
            ttft_median_ms=ttft_ms,
            ttft_log_sd=ttft_log_sd,
            icl_median_ms=icl_ms,
            icl_log_sd=icl_log_sd,
            tokens_per_chunk=tokens_per_chunk,
            reasoning_tokens=reasoning_tokens,
            role_chunk=role_chunk,
            usage=usage,
            rate_limited_share=rate_limited,
            server_error_share=server_error,
            stream_error_share=stream_error,
            truncated_share=truncated,
            stall_share=stall,
            stall_ms=stall_ms,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    serve(
        profile,
        port=port,
        log=log,
        ready=lambda host, bound: click.echo(f"listening on http://{host}:{bound}/v1 (ctrl-C stops it)"),
    )


@cli.command()
@click.argument("submission", required=False)
@click.option("--url", help="Measure any endpoint ad hoc: its base address, as in http://127.0.0.1:8377/v1.")
@click.option("--model", help="With --url: the model's name in the API.")
@click.option("--concurrency", type=click.IntRange(1, 4096), default=1, show_default=True, help="With --url.")
@click.option("--requests", type=click.IntRange(1), default=30, show_default=True, help="With --url.")
@click.option("--max-tokens", type=click.IntRange(1), default=128, show_default=True, help="With --url.")
@click.option("--input-words", type=click.IntRange(1), default=200, show_default=True, help="With --url.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --url: keep the raw window here (.jsonl.gz).",
)
@click.option(
    "--neutral", "neutral_model", metavar="MODEL", help="Measure neutral rounds of every endpoint of MODEL."
)
@click.option("--vantage", help="With --neutral: where this runner stands.")
@click.option("--scenario", "scenarios", multiple=True, help="With --neutral; may be repeated.")
@click.option("--rounds", type=click.IntRange(1), default=1, show_default=True, help="With --neutral.")
@click.option(
    "--spacing",
    default="1h",
    show_default=True,
    help="With --neutral: from one round to the next (90s, 15m, 1h).",
)
@_json_option
@_root_option
def measure(
    submission: str | None,
    url: str | None,
    neutral_model: str | None,
    as_json: bool,
    root_option: Path | None,
    **options: Any,
) -> None:
    """Measure: a registered SUBMISSION, any endpoint with --url, or neutral rounds with --neutral.

    \b
    fairlead measure acme/2026-03-04-launch
    fairlead measure --url http://127.0.0.1:8377/v1 --model reference --concurrency 8 --requests 80
    fairlead measure --neutral llama-3-70b --vantage ams --scenario chat-c8 --rounds 24

    Nothing is retried. Ctrl-C and a crash keep every finished request; run the same command again to go on.
    """
    if sum(value is not None for value in (submission, url, neutral_model)) != 1:
        raise click.UsageError("name one of: a SUBMISSION, --url ADDRESS, --neutral MODEL")
    if url is not None:
        _measure_ad_hoc(url, as_json=as_json, **options)
        return
    root = _find_root(root_option)
    repository = _load(root)
    if submission is not None:
        _measure_claim(repository, submission.rstrip("/").removeprefix("submissions/"), quiet=as_json)
    elif neutral_model is not None:
        _measure_neutral(repository, neutral_model, quiet=as_json, **options)


def _measure_claim(repository: Repository, submission: str, *, quiet: bool) -> None:
    from fairlead import campaign
    from fairlead.clock import SystemClock

    with _campaign_errors(), _Meter(quiet=quiet) as meter:
        for path in campaign.measure_claim(
            repository, submission, clock=SystemClock(), wait=_wait, report=meter.report
        ):
            meter.say(str(path.relative_to(repository.root)))
    if not quiet:
        click.echo(f"Next: fairlead submit {submission}", err=True)


def _measure_neutral(
    repository: Repository,
    of_model: str,
    /,
    *,
    quiet: bool,
    vantage: str | None,
    scenarios: tuple[str, ...],
    rounds: int,
    spacing: str,
    **_: Any,
) -> None:
    import random

    from fairlead import campaign
    from fairlead.clock import SystemClock

    if vantage is None:
        raise click.UsageError("--neutral needs --vantage: see methodology/vantages.yaml")
    version = _latest_version(repository)
    methodology = repository.methodologies[version]
    with _campaign_errors(), _Meter(quiet=quiet) as meter:
        for path in campaign.measure_rounds(
            repository,
            model=of_model,
            version=version,
            vantage=vantage,
            scenarios=scenarios or tuple(scenario.id for scenario in methodology.scenarios),
            rounds=rounds,
            spacing_s=_seconds(spacing),
            rng=random.SystemRandom(),
            clock=SystemClock(),
            wait=_wait,
            report=meter.report,
        ):
            meter.say(str(path.relative_to(repository.root)))


@contextlib.contextmanager
def _campaign_errors() -> Iterator[None]:
    from fairlead.campaign import CampaignError

    try:
        yield
    except CampaignError as error:
        _complain(error.message, error.fix)
        raise click.exceptions.Exit(EXIT_PROBLEMS) from None


def _seconds(text: str) -> float:
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    try:
        seconds = float(text[:-1]) * units[text[-1:]]
    except (KeyError, ValueError):
        raise click.UsageError(f"{text!r} is no duration; write 90s, 15m, 1h or 1d") from None
    if not 0 <= seconds <= 366 * 86400:
        raise click.UsageError(f"{text!r} is not between 0 and a year")
    return seconds


def _measure_ad_hoc(
    url: str,
    *,
    as_json: bool,
    model: str | None,
    concurrency: int,
    requests: int,
    max_tokens: int,
    input_words: int,
    out: Path | None,
    **_: Any,
) -> None:
    import secrets
    import tempfile

    from fairlead.campaign import Progress, write_whole
    from fairlead.measure.plan import Plan
    from fairlead.measure.runner import measure_window

    if model is None:
        raise click.UsageError("--url needs --model: the model's name in the API")
    try:
        plan = Plan(
            url=url,
            model=model,
            concurrency=concurrency,
            requests=requests,
            seed=secrets.token_hex(32),
            max_tokens=max_tokens,
            input_words=input_words,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if out is not None and out.exists():
        raise click.UsageError(f"{out} is there already; a raw window is never overwritten")
    with contextlib.ExitStack() as stack:
        meter = stack.enter_context(_Meter(quiet=as_json))
        if out is not None:
            out.parent.mkdir(parents=True, exist_ok=True)
            spool = out.with_name(out.name + ".spool")
        else:
            spool = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "window.spool"
        sealed = measure_window(
            plan,
            spool=spool,
            progress=lambda done, failed: meter.report(Progress(1, 1, url, done, failed, requests)),
        )
        if out is not None:
            write_whole(out, sealed.data)
            spool.unlink()
    _show_window(sealed.window, out, as_json=as_json)
    if sealed.stopped:
        raise KeyboardInterrupt


def _show_window(window: Any, out: Path | None, *, as_json: bool) -> None:
    from fairlead import report

    summary = report.summarise_window(window)
    click.echo(report.window_json(summary, out) if as_json else report.window_text(summary, out), nl=False)


# -- claims --------------------------------------------------------------------------------------


@cli.command()
@click.argument("provider")
@click.option("--model", required=True, help="Canonical id, as in methodology/models.yaml.")
@click.option("--endpoint", help="The endpoint's id; the first that serves the model if not given.")
@click.option(
    "--scenario", "scenarios", multiple=True, help="May be repeated; all of the methodology if not given."
)
@click.option("--vantage", required=True, help="Where the claim is measured from; a rerun is made there too.")
@click.option(
    "--windows",
    "windows_each",
    type=click.IntRange(1, 1000),
    default=24,
    show_default=True,
    help="Windows a scenario.",
)
@click.option(
    "--spacing", default="1h", show_default=True, help="From one window to the next (90s, 15m, 1h)."
)
@click.option("--slug", required=True, help="Names the submission: <date>-<slug>.")
@click.option(
    "--github", "github", metavar="LOGIN:ID", help="Who registers: a contact listed in the provider's file."
)
@_root_option
def register(
    provider: str,
    model: str,
    endpoint: str | None,
    scenarios: tuple[str, ...],
    vantage: str,
    windows_each: int,
    spacing: str,
    slug: str,
    github: str | None,
    root_option: Path | None,
) -> None:
    """Write down what will be measured, before it is measured.

    \b
    fairlead register acme --model llama-3-70b --vantage ams --slug launch --github alice:1234
    """
    import secrets

    from fairlead import campaign

    repository = _load(_find_root(root_option))
    version = _latest_version(repository)
    with _campaign_errors():
        if endpoint is None:
            endpoint = next(
                (t.endpoint.id for t in campaign.targets_of(repository, model) if t.provider == provider),
                "main",
            )
        folder = campaign.register(
            repository,
            provider=provider,
            endpoint=endpoint,
            model=model,
            scenarios=scenarios
            or tuple(scenario.id for scenario in repository.methodologies[version].scenarios),
            version=version,
            vantage=vantage,
            windows_each=windows_each,
            spacing_s=_seconds(spacing),
            slug=slug,
            now=_now(),
            seed=secrets.token_hex(32),
            by=_github(github),
        )
    submission = folder.relative_to(repository.root / "submissions")
    click.echo(f"{folder.relative_to(repository.root)}/registration.yaml")
    click.echo(f"Next: merge it by pull request, then run: fairlead measure {submission}", err=True)


def _github(text: str | None) -> Any:
    from fairlead.model import GitHub

    if text is None:
        return None
    login, _, number = text.partition(":")
    if not login or not number.isdigit():
        raise click.UsageError(f"--github {text!r}: write LOGIN:ID, as in alice:1234")
    return GitHub(login=login, id=int(number))


@cli.command()
@click.argument("submission")
@click.option("--title", help="One line; made from the plan if not given.")
@click.option(
    "--claim",
    "claims",
    multiple=True,
    metavar="METRIC=VALUE",
    help="State a figure of your own instead of the measured one.",
)
@click.option("--accelerator", help="Disclosure; not disclosed if not given.")
@click.option("--accelerator-count", type=click.IntRange(1), help="Disclosure: per replica.")
@click.option("--precision", help="Disclosure.")
@click.option("--region", help="Disclosure.")
@click.option("--prompt-cache", type=click.Choice(["none", "prefix", "response"]), help="Disclosure.")
@click.option("--capacity", help="Disclosure: shared or dedicated, and its limits.")
@click.option("--github", "github", metavar="LOGIN:ID", help="Who submits.")
@_root_option
def submit(
    submission: str,
    title: str | None,
    claims: tuple[str, ...],
    github: str | None,
    root_option: Path | None,
    **disclosures: Any,
) -> None:
    """Seal what was measured into a submission: digests, claimed figures, disclosures."""
    from fairlead import campaign, report

    repository = _load(_find_root(root_option))
    submission = submission.rstrip("/").removeprefix("submissions/")
    with _campaign_errors():
        measured = report.claimable_figures(repository, submission)
        stated = _claims(claims)
        figures = [
            (endpoint, model, scenario, {**values, **stated})
            for endpoint, model, scenario, values in measured
        ]
        methodology = repository.methodologies[_latest_version(repository)]
        path = campaign.submit(
            repository,
            submission,
            title=title or f"{submission.split('/')[0]}: {len(figures)} scenarios",
            disclosures=disclosures,
            claims=campaign.figures_as_claims(figures, methodology.ranking.metrics[0]),
            now=_now(),
            by=_github(github),
        )
    click.echo(path.relative_to(repository.root))
    click.echo(f"Next: fairlead check, then open a pull request with submissions/{submission}", err=True)


def _claims(texts: tuple[str, ...]) -> dict[str, float]:
    claims = {}
    for text in texts:
        metric, _, value = text.partition("=")
        try:
            claims[metric] = float(value)
        except ValueError:
            raise click.UsageError(f"--claim {text!r}: write METRIC=VALUE, as in ttft_p50_ms=210") from None
    return claims


# -- other tools' results ------------------------------------------------------------------------


@cli.group("import", cls=_Commands)
def import_() -> None:
    """Turn other tools' results into submissions, marked as such and never ranked."""


@import_.command("llmperf")
@click.argument("source", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--root", type=click.Path(path_type=Path, file_okay=False), required=True, help="Made if it is not there."
)
def import_llmperf_(source: Path, root: Path) -> None:
    """Import LLMPerf's results: SOURCE holds individual/ and summary/."""
    from fairlead.imports.llmperf import import_llmperf

    outcome = import_llmperf(source, root, _now().date())
    click.echo(outcome.render_text(), nl=False)
    if outcome.problems:
        raise click.exceptions.Exit(EXIT_PROBLEMS)


@cli.command()
@click.argument("published", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@_json_option
@_root_option
def audit(published: Path, as_json: bool, root_option: Path | None) -> None:
    """Recompute PUBLISHED figures (CSV) from the raw requests in the root; exit 1 if any differs."""
    import json

    from fairlead import audit as auditing
    from fairlead import documents

    repository = _load(_find_root(root_option))
    try:
        table = documents.read_bounded(published, 1 << 20)
    except documents.Unreadable as error:
        raise click.UsageError(f"{published}: {error.message}") from None
    result = auditing.audit_published(table, repository, str(published))
    if as_json:
        click.echo(json.dumps(auditing.report_json(result), indent=2))
    else:
        click.echo(auditing.render_text(result), nl=False)
    if result.problems or result.differences:
        raise click.exceptions.Exit(EXIT_PROBLEMS)


# -- results -------------------------------------------------------------------------------------


@cli.command()
@click.option("--model", help="Only this model.")
@_json_option
@_root_option
def rank(model: str | None, as_json: bool, root_option: Path | None) -> None:
    """Print the leaderboard: rank ranges of neutral rows, and every other row with its reason."""
    from fairlead import report

    repository = _load(_find_root(root_option))
    now = _now()
    rows = _rows(repository, now)
    if model is not None:
        rows = [row for row in rows if row.family.model == model]
    click.echo(report.rank_json(rows, now) if as_json else report.rank_text(rows), nl=False)


def _rows(repository: Repository, now: dt.datetime) -> Sequence[Any]:
    from fairlead.evidence import load_evidence
    from fairlead.ranking import build_rows

    evidence, problems = load_evidence(repository)
    _stop_at(problems)
    return build_rows(
        evidence,
        repository.providers,
        repository.methodologies,
        now_unix_ns=int(now.timestamp()) * 1_000_000_000,
    )


@cli.command()
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("build/site"), show_default=True
)
@_root_option
def build(out: Path, root_option: Path | None) -> None:
    """Build the static site."""
    _build(_find_root(root_option), out)


def _build(root: Path, out: Path) -> None:
    from fairlead.publish import SiteError, build_site

    repository, now = _load(root), _build_time(root)
    try:
        outcome = build_site(repository, _rows(repository, now), out=out, now=now, commit=_commit(root))
    except SiteError as error:
        _complain(str(error))
        raise click.exceptions.Exit(EXIT_ENVIRONMENT) from None
    _stop_at(outcome.problems)
    click.echo(f"{outcome.pages} pages in {out}")


def _build_time(root: Path) -> dt.datetime:
    from fairlead import history

    if "SOURCE_DATE_EPOCH" in os.environ:
        return _now()
    return history.commit_time(root) or _now()


def _commit(root: Path) -> str | None:
    from fairlead import history

    return history.commit_id(root)


@cli.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@_root_option
def serve(port: int, root_option: Path | None) -> None:
    """Build the site and serve it on loopback."""
    import tempfile

    from fairlead.publish import serve_site

    with tempfile.TemporaryDirectory() as folder:
        _build(_find_root(root_option), Path(folder))
        serve_site(
            Path(folder),
            port=port,
            ready=lambda address: click.echo(f"serving on {address} (ctrl-C stops it)"),
        )
