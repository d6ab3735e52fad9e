"""Measuring any address, once or over a row of concurrencies. Knows no root and no method."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from fairlead.cli import sweeps
from fairlead.cli.clustering import crew_at
from fairlead.cli.common import EXIT_STOPPED, Meter, tokenizer_errors
from fairlead.cli.spending import allow_windows, stated_rates

if TYPE_CHECKING:
    from fairlead.cluster import Crew
    from fairlead.measure.plan import Plan
    from fairlead.measure.policy import Secret
    from fairlead.measure.spool import Sealed
    from fairlead.tokens import Pinned
    from fairlead.windows import Http


def levels_of(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[int, ...] | None:
    """The concurrencies of a sweep, from ``1,4,16,64``."""
    if text is None:
        return None
    try:
        return tuple(int(level) for level in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r}: write whole numbers and commas, as in 1,4,16,64") from None


def measure_ad_hoc(
    url: str,
    *,
    as_json: bool,
    model: str | None,
    concurrency: int | None,
    rate: float | None,
    arrivals: Literal["poisson", "constant"],
    requests: int,
    max_tokens: int,
    input_words: int,
    dialect: str,
    http: Http,
    key_env: str | None,
    sweep: tuple[int, ...] | None,
    out: Path | None,
    tokenizer_files: tuple[Path, ...],
    ray_address: str | None,
    vantage: str | None,
    max_usd: float | None,
    usd_per_mtok_in: float | None,
    usd_per_mtok_out: float | None,
    **_: Any,
) -> None:
    """One window, or one at each level of a sweep, and its figures."""
    import secrets

    import msgspec

    from fairlead.measure import plan as plans

    if model is None:
        raise click.UsageError("--url needs --model: the model's name in the API")
    if sweep is not None and (concurrency, rate) != (None, None):
        raise click.UsageError("--sweep sets the concurrencies: leave --concurrency and --rate out")
    tokenizer = _one_tokenizer(tokenizer_files)
    try:
        plan = plans.Plan(
            url=url,
            model=model,
            concurrency=concurrency or (1 if rate is None else plans.OPEN_BOUND),
            rate_per_s=rate,
            arrivals=None if rate is None else arrivals,
            requests=requests,
            seed=secrets.token_hex(32),
            max_tokens=max_tokens,
            input_words=input_words,
            dialect=dialect,
            tokenizer_sha256=tokenizer.sha256 if tokenizer else None,
            http=http,
        )
        plan = msgspec.structs.replace(plan, endpoint=sweeps.endpoint_at(plan))
        levels = _spread([plan] if sweep is None else plans.sweep(plan, sweep))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    key = None if key_env is None else key_for_url(key_env, url)
    rates = stated_rates(usd_per_mtok_in, usd_per_mtok_out)
    if sweep is not None:
        if ray_address is not None:
            raise click.UsageError("--sweep is measured by one machine: leave --ray out")

        def allow(left: Sequence[Plan]) -> None:
            allow_windows(left, rates, max_usd)

        _measure_sweep(levels, out, key, tokenizer, allow, as_json=as_json)
        return
    if out is not None and out.exists():
        raise click.UsageError(f"{out} is there already; a raw window is never overwritten")
    allow_windows(levels, rates, max_usd)
    with crew_at(ray_address, vantage, keyed=key is not None) as crew:
        _measure_alone(levels[0], out, key, tokenizer, crew, as_json=as_json)


def _spread(levels: Sequence[Plan]) -> list[Plan]:
    """Each over as many processes as its load needs and this machine has cores for."""
    import msgspec

    from fairlead.measure.cores import client_cores
    from fairlead.measure.plan import processes_for

    cores = client_cores()
    return [
        msgspec.structs.replace(level, processes=processes_for(level.concurrency, cores)) for level in levels
    ]


def _measure_alone(
    plan: Plan,
    out: Path | None,
    key: Secret | None,
    tokenizer: Pinned | None,
    crew: Crew | None,
    *,
    as_json: bool,
) -> None:
    """One window, then what was measured. Stopped, what there is is shown."""
    import msgspec

    from fairlead import report

    if crew is not None:
        plan = msgspec.structs.replace(plan, processes=crew.processes_for(plan.concurrency))

    with Meter(quiet=as_json) as meter, _spool_beside(out) as spool:
        sealed = _run(plan, spool, key, tokenizer, _shower(meter, plan, 1, 1, plan.url), crew)
        if out is not None:
            _keep(sealed, out, spool)
    summary = report.summarise_window(sealed.window)
    text = report.window_json(summary, out, sealed.sha256) if as_json else report.window_text(summary, out)
    click.echo(text, nl=False)
    if sealed.stopped:
        raise KeyboardInterrupt


def _measure_sweep(
    plans: Sequence[Plan],
    folder: Path | None,
    key: Secret | None,
    tokenizer: Pinned | None,
    allow: Callable[[Sequence[Plan]], None],
    *,
    as_json: bool,
) -> None:
    """Each level in its order, but for those that are there already, then one table of all.

    Stopped, what there is is shown, and said to be kept: the same command goes on.
    """
    from fairlead import report, windows

    outs = [None if folder is None else sweeps.level_path(folder, plan.concurrency) for plan in plans]
    known = sweeps.whole_levels(plans, [out for out in outs if out is not None]) if folder else {}
    allow([plan for plan, out in zip(plans, outs, strict=True) if out not in known])
    done: list[report.Measured] = []
    stopped = False
    with Meter(quiet=as_json) as meter:
        for number, (plan, out) in enumerate(zip(plans, outs, strict=True), start=1):
            if out in known:
                click.echo(f"{out} is there already: not measured again", err=True)
                window = windows.decode_window(known[out])
                done.append((report.summarise_window(window), out, windows.digest(known[out])))
                continue
            name = f"{plan.url}, {plan.concurrency} at once"
            show = _shower(meter, plan, number, len(plans), name)
            sealed, kept = _measure_level(plan, out, key, tokenizer, show)
            done.append((report.summarise_window(sealed.window), kept, sealed.sha256))
            stopped = sealed.stopped
            if stopped:
                break
    click.echo(report.sweep_json(done) if as_json else report.sweep_text(done), nl=False)
    if stopped:
        paths = ", ".join(str(out) for _, out, _ in done if out is not None)
        words = f"{paths} kept: the same command goes on" if paths else "nothing is kept without --out"
        click.echo(f"\nStopped; {words}.", err=True)
        raise click.exceptions.Exit(EXIT_STOPPED)


def _shower(meter: Meter, plan: Plan, number: int, of: int, name: str) -> Callable[[int, int], None]:
    """What shows how far a window is."""
    from fairlead.campaign import Progress

    return lambda ended, failed: meter.report(Progress(number, of, name, ended, failed, plan.requests))


def _measure_level(
    plan: Plan,
    out: Path | None,
    key: Secret | None,
    tokenizer: Pinned | None,
    show: Callable[[int, int], None],
) -> tuple[Sealed, Path | None]:
    """One level of a sweep, and where it is kept. What a killed run had finished of it is kept first."""
    with _spool_beside(out) as spool:
        left = None if out is None else sweeps.keep_left_over(spool, out, key, tokenizer)
        if left is not None:
            click.echo(f"{left} holds what an earlier run had finished", err=True)
        sealed = _run(plan, spool, key, tokenizer, show)
        if out is not None:
            out = sweeps.cut_off_path(out) if sealed.stopped else out
            _keep(sealed, out, spool)
    return sealed, out


@contextlib.contextmanager
def _spool_beside(out: Path | None) -> Iterator[Path]:
    """The spool of a window: beside where it will be kept, else in a folder that goes away."""
    import tempfile

    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        yield out.with_name(out.name + ".spool")
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "window.spool"


def _run(
    plan: Plan,
    spool: Path,
    key: Secret | None,
    tokenizer: Pinned | None,
    show: Callable[[int, int], None],
    crew: Crew | None = None,
) -> Sealed:
    from fairlead.measure.runner import measure_window

    run_all = None if crew is None else crew.run
    return measure_window(plan, spool=spool, progress=show, key=key, tokenizer=tokenizer, run_all=run_all)


def _keep(sealed: Sealed, out: Path, spool: Path) -> None:
    from fairlead.measure.spool import discard
    from fairlead.scaffold import write_whole

    write_whole(out, sealed.data)
    discard(spool)


def _one_tokenizer(files: Sequence[Path]) -> Pinned | None:
    """The tokenizer of an ad hoc window: whichever file was typed, for nothing pins one."""
    if len(files) > 1:
        raise click.UsageError("--url takes one --tokenizer")
    from fairlead.tokens import load_tokenizer

    with tokenizer_errors():
        return load_tokenizer(files[0]) if files else None


def key_for_url(name: str, url: str) -> Secret:
    """The key in the environment variable of this name, bound to the URL's host; no child has it."""
    from fairlead.measure.policy import SecretError, secret_for_url

    key = os.environ.pop(name, None)
    if key is None:
        raise click.UsageError(f"--key-env {name}: there is no such environment variable")
    try:
        return secret_for_url(key, url)
    except SecretError as error:
        raise click.UsageError("; ".join(error.problems)) from None
