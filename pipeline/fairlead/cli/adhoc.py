"""Measuring any address, once or over a row of concurrencies. Knows no root and no method."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from fairlead.cli.common import Meter, tokenizer_errors
from fairlead.cli.spending import allow_windows, stated_rates

if TYPE_CHECKING:
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
    max_usd: float | None,
    usd_per_mtok_in: float | None,
    usd_per_mtok_out: float | None,
    **_: Any,
) -> None:
    """One window, or one at each level of a sweep, and its figures."""
    import secrets

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
        levels = _spread([plan] if sweep is None else plans.sweep(plan, sweep))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    key = None if key_env is None else _key_for_url(key_env, url)
    allow_windows(levels, stated_rates(usd_per_mtok_in, usd_per_mtok_out), max_usd)
    outs = [out] if sweep is None or out is None else [out / f"c{level}.jsonl.gz" for level in sweep]
    for path in outs:
        if path is not None and path.exists():
            raise click.UsageError(f"{path} is there already; a raw window is never overwritten")
    if out is None:
        outs *= len(levels)
    _measure(levels, outs, key, tokenizer, as_json=as_json, is_sweep=sweep is not None)


def _spread(levels: Sequence[Plan]) -> list[Plan]:
    """Each over as many processes as its load needs and this machine has cores for."""
    import msgspec

    from fairlead.measure.cores import client_cores
    from fairlead.measure.plan import processes_for

    cores = client_cores()
    return [
        msgspec.structs.replace(level, processes=processes_for(level.concurrency, cores)) for level in levels
    ]


def _measure(
    plans: Sequence[Plan],
    outs: Sequence[Path | None],
    key: Secret | None,
    tokenizer: Pinned | None,
    *,
    as_json: bool,
    is_sweep: bool,
) -> None:
    """Each plan in its order, then what was measured. Stopped, what there is is shown."""
    from fairlead import report
    from fairlead.campaign import Progress

    done: list[tuple[report.WindowSummary, Path | None, str]] = []
    stopped = False
    with Meter(quiet=as_json) as meter:
        for number, (plan, out) in enumerate(zip(plans, outs, strict=True), start=1):
            name = f"{plan.url}, {plan.concurrency} at once" if is_sweep else plan.url

            def show(
                ended: int, failed: int, number: int = number, name: str = name, plan: Plan = plan
            ) -> None:
                meter.report(Progress(number, len(plans), name, ended, failed, plan.requests))

            sealed = _measure_one(plan, out, key, tokenizer, show)
            done.append((report.summarise_window(sealed.window), out, sealed.sha256))
            stopped = sealed.stopped
            if stopped:
                break
    if is_sweep:
        text = report.sweep_json(done) if as_json else report.sweep_text(done)
    else:
        (summary, out, sha256) = done[0]
        text = report.window_json(summary, out, sha256) if as_json else report.window_text(summary, out)
    click.echo(text, nl=False)
    if stopped:
        raise KeyboardInterrupt


def _measure_one(
    plan: Plan,
    out: Path | None,
    key: Secret | None,
    tokenizer: Pinned | None,
    progress: Callable[[int, int], None],
) -> Sealed:
    import tempfile

    from fairlead.measure.runner import measure_window
    from fairlead.measure.spool import discard
    from fairlead.scaffold import write_whole

    with contextlib.ExitStack() as stack:
        if out is not None:
            out.parent.mkdir(parents=True, exist_ok=True)
            spool = out.with_name(out.name + ".spool")
        else:
            spool = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "window.spool"
        sealed = measure_window(plan, spool=spool, progress=progress, key=key, tokenizer=tokenizer)
        if out is not None:
            write_whole(out, sealed.data)
            discard(spool)
    return sealed


def _one_tokenizer(files: Sequence[Path]) -> Pinned | None:
    """The tokenizer of an ad hoc window: whichever file was typed, for nothing pins one."""
    if len(files) > 1:
        raise click.UsageError("--url takes one --tokenizer")
    from fairlead.tokens import load_tokenizer

    with tokenizer_errors():
        return load_tokenizer(files[0]) if files else None


def _key_for_url(name: str, url: str) -> Secret:
    from fairlead.measure.policy import SecretError, secret_for_url

    key = os.environ.pop(name, None)
    if key is None:
        raise click.UsageError(f"--key-env {name}: there is no such environment variable")
    try:
        return secret_for_url(key, url)
    except SecretError as error:
        raise click.UsageError("; ".join(error.problems)) from None
