"""The commands that measure, and the endpoint to measure against."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from fairlead.cli.adhoc import levels_of, measure_ad_hoc
from fairlead.cli.clustering import crew_at, measure_on_ray
from fairlead.cli.common import (
    EXIT_ENVIRONMENT,
    Meter,
    as_json_too,
    campaign_errors,
    complain,
    find_root,
    in_root,
    latest_version,
    load,
    seconds,
    submission_name,
    tokenizer_errors,
    tokenizer_files,
    tokenizer_shelf,
    wait,
)
from fairlead.cli.completing import (
    complete_dialect,
    complete_model,
    complete_scenario,
    complete_submission,
    complete_vantage,
)
from fairlead.cli.spending import allow_campaign, stated_rates

if TYPE_CHECKING:
    from fairlead.campaign import Gear
    from fairlead.cluster import Crew
    from fairlead.measure.policy import Secret
    from fairlead.repository import Repository
    from fairlead.tokens import Pinned
    from fairlead.windows import Certificate, Http


@click.command()
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


@click.command()
@click.argument("submission", required=False, shell_complete=complete_submission)
@click.option("--url", help="Measure any endpoint ad hoc: its base address, as in http://127.0.0.1:8377/v1.")
@click.option("--model", help="With --url: the model's name in the API.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 4096),
    help="With --url: streams at once (1), or with --rate the most requests under way (256).",
)
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    help="With --url: an open loop, so many requests a second.",
)
@click.option(
    "--arrivals",
    type=click.Choice(["poisson", "constant"]),
    default="poisson",
    show_default=True,
    help="With --rate: when they come.",
)
@click.option("--requests", type=click.IntRange(1), default=30, show_default=True, help="With --url.")
@click.option("--max-tokens", type=click.IntRange(1), default=128, show_default=True, help="With --url.")
@click.option(
    "--dialect",
    shell_complete=complete_dialect,
    default="openai-chat",
    show_default=True,
    help="With --url: the API it speaks.",
)
@click.option(
    "--http",
    type=click.Choice(["1.1", "2"]),
    default="1.1",
    show_default=True,
    help="With --url: the version of HTTP it is measured over; 2 needs https.",
)
@click.option(
    "--key-env", metavar="NAME", help="With --url: the environment variable that holds the key; https only."
)
@click.option("--input-words", type=click.IntRange(1), default=200, show_default=True, help="With --url.")
@click.option(
    "--sweep",
    metavar="C,C,…",
    callback=levels_of,
    help="With --url: one window at each of these concurrencies, as in 1,4,16,64, and one table of all.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="With --url: keep the raw window here (.jsonl.gz); with --sweep, all of them in this folder, where "
    "levels that are there already are not measured again.",
)
@click.option(
    "--neutral",
    "neutral_model",
    shell_complete=complete_model,
    metavar="MODEL",
    help="Measure neutral rounds of every endpoint of MODEL.",
)
@click.option(
    "--vantage",
    shell_complete=complete_vantage,
    help="With --neutral: where this runner stands; with --ray: where the nodes do.",
)
@click.option(
    "--scenario",
    "scenarios",
    multiple=True,
    shell_complete=complete_scenario,
    help="With --neutral; may be repeated.",
)
@click.option("--rounds", type=click.IntRange(1), default=1, show_default=True, help="With --neutral.")
@click.option(
    "--spacing",
    default="1h",
    show_default=True,
    help="With --neutral: from one round to the next (90s, 15m, 1h).",
)
@click.option(
    "--jitter",
    default="0s",
    show_default=True,
    help="With --neutral: wait a random while of at most so long before each round.",
)
@tokenizer_files
@click.option(
    "--max-usd",
    type=click.FloatRange(0),
    help="What this run may cost at most by its estimate; needed where a key is used, but for --url.",
)
@click.option(
    "--usd-per-mtok-in",
    type=click.FloatRange(0),
    help="Price of a million input tokens, where no price is recorded.",
)
@click.option("--usd-per-mtok-out", type=click.FloatRange(0), help="The same for output tokens.")
@measure_on_ray
@as_json_too
@in_root
def measure(
    submission: str | None,
    url: str | None,
    neutral_model: str | None,
    as_json: bool,
    root_option: Path | None,
    **options: Any,
) -> None:
    """Measure: a registered SUBMISSION, any endpoint with --url, or neutral rounds with --neutral.

    Where a model pins a tokenizer, its file is needed to begin: the answers are counted with it. What is sent
    with a key is billed: its cost is estimated first, and nothing is sent if that exceeds --max-usd. Nothing
    is retried. Ctrl-C and a crash keep every finished request; run the same command again to go on.
    """
    if sum(value is not None for value in (submission, url, neutral_model)) != 1:
        raise click.UsageError("name one of: a SUBMISSION, --url ADDRESS, --neutral MODEL")
    if url is not None:
        measure_ad_hoc(url, as_json=as_json, **options)
        return
    root = find_root(root_option)
    repository = load(root)
    if submission is not None:
        name = submission_name(submission)
        _measure_claim(repository, name, quiet=as_json, **options)
    elif neutral_model is not None:
        _measure_neutral(repository, neutral_model, quiet=as_json, **options)


def keys_of(repository: Repository) -> dict[str, Secret]:
    """The keys in the environment, narrowed to the providers' files, and taken out: no child has them."""
    from fairlead.measure.policy import KEY_RING, SecretError, key_variable, load_secrets

    addresses = {
        provider: [endpoint.base_url for endpoint in entry.endpoints]
        for provider, entry in repository.providers.items()
    }
    try:
        found = load_secrets(os.environ, addresses)
    except SecretError as error:
        for problem in error.problems:
            complain(problem)
        raise click.exceptions.Exit(EXIT_ENVIRONMENT) from None
    finally:
        for variable in (KEY_RING, *map(key_variable, addresses)):
            os.environ.pop(variable, None)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for secret in found.values():  # the forge masks the whole secret, and not the key inside it
            click.echo(f"::add-mask::{secret.key}")
    return found


def tokenizers_of(repository: Repository, models: Iterable[str], files: Sequence[Path]) -> dict[str, Pinned]:
    """What these models are counted with, by digest; the end of the command where something is missing."""
    from fairlead.campaign import tokenizer_pins
    from fairlead.tokens import load_pins

    with tokenizer_errors():
        return load_pins(tokenizer_shelf(files), tokenizer_pins(repository, models))


def gear_of(
    meter: Meter, keys: dict[str, Secret], tokenizers: dict[str, Pinned], crew: Crew | None = None
) -> Gear:
    """What a campaign works with: this machine's clocks, these keys and tokenizers, and who measures: this
    machine, or a crew."""
    import secrets

    from fairlead.campaign import Gear
    from fairlead.clock import SystemClock
    from fairlead.measure.calibrate import calibrate

    return Gear(
        clock=SystemClock(),
        wait=wait,
        report=meter.report,
        calibrate=lambda shape: calibrate(shape, seed=secrets.token_hex(16)),
        keys=keys,
        tokenizers=tokenizers,
        crew=crew,
    )


def _measure_claim(
    repository: Repository,
    submission: str,
    *,
    quiet: bool,
    tokenizer_files: tuple[Path, ...],
    ray_address: str | None,
    max_usd: float | None,
    usd_per_mtok_in: float | None,
    usd_per_mtok_out: float | None,
    **_: Any,
) -> None:
    from fairlead import campaign
    from fairlead.clock import SystemClock

    registration = repository.registrations.get(submission)
    models = {planned.model for planned in registration.windows} if registration else set[str]()
    tokenizers = tokenizers_of(repository, models, tokenizer_files) if registration else {}
    keys = keys_of(repository)
    with campaign_errors(), Meter(quiet=quiet) as meter:
        spending = campaign.claim_spending(
            repository,
            submission,
            keyed=keys,
            now_unix_ns=SystemClock().unix_ns(),
            stated=stated_rates(usd_per_mtok_in, usd_per_mtok_out),
            rules=campaign.ESTIMATE_RULES,
        )
        allow_campaign(spending, max_usd)
        vantage = registration.vantage if registration else None
        with crew_at(ray_address, vantage, keyed=bool(keys)) as crew:
            gear = gear_of(meter, keys, tokenizers, crew)
            for path in campaign.measure_claim(repository, submission, gear):
                say_window(meter, repository, path)
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
    jitter: str,
    tokenizer_files: tuple[Path, ...],
    ray_address: str | None,
    max_usd: float | None,
    usd_per_mtok_in: float | None,
    usd_per_mtok_out: float | None,
    **_: Any,
) -> None:
    import random

    from fairlead import campaign
    from fairlead.clock import SystemClock

    if vantage is None:
        raise click.UsageError("--neutral needs --vantage: see methodology/vantages.yaml")
    version = latest_version(repository)
    methodology = repository.methodologies[version]
    scenarios = scenarios or tuple(scenario.id for scenario in methodology.scenarios)
    tokenizers = tokenizers_of(repository, [of_model], tokenizer_files)
    spacing_s, jitter_s, keys = seconds(spacing), seconds(jitter), keys_of(repository)
    with campaign_errors(), Meter(quiet=quiet) as meter:
        spending = campaign.rounds_spending(
            repository,
            version=version,
            scenarios={of_model: scenarios},
            rounds=rounds,
            spacing_s=spacing_s,
            keyed=keys,
            now_unix_ns=SystemClock().unix_ns(),
            stated=stated_rates(usd_per_mtok_in, usd_per_mtok_out),
            rules=campaign.ESTIMATE_RULES,
        )
        allow_campaign(spending, max_usd)
        with crew_at(ray_address, vantage, keyed=bool(keys)) as crew:
            for path in campaign.measure_rounds(
                repository,
                model=of_model,
                version=version,
                vantage=vantage,
                scenarios=scenarios,
                rounds=rounds,
                spacing_s=spacing_s,
                jitter_s=jitter_s,
                rng=random.SystemRandom(),
                gear=gear_of(meter, keys, tokenizers, crew),
            ):
                say_window(meter, repository, path)


def say_window(meter: Meter, repository: Repository, path: Path) -> None:
    """The path of a window that was measured, and on standard error what its usage says."""
    from fairlead import usage
    from fairlead.ranking import methodology_of
    from fairlead.repository import read_window

    meter.say(str(path.relative_to(repository.root)))
    window = read_window(path)
    stated = window.header.methodology
    methodology = methodology_of(repository.methodologies, stated.version if stated else None)
    found = usage.examine(window, methodology.limits.token_disagreement_share)
    for sentence in usage.sentences(found) if found else ():
        click.echo(f"  {sentence}", err=True)


@click.command("calibrate")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 4096),
    help="Streams at once, or with --rate the most under way (256); without either, the most to be trusted.",
)
@click.option(
    "--rate", type=click.FloatRange(0, min_open=True), help="An open loop, so many requests a second."
)
@click.option(
    "--arrivals",
    type=click.Choice(["poisson", "constant"]),
    default="poisson",
    show_default=True,
    help="With --rate: when they come.",
)
@click.option(
    "--max-tokens",
    type=click.IntRange(1),
    default=128,
    show_default=True,
    help="With --rate: of each answer, as far as --seconds allow.",
)
@click.option(
    "--seconds", type=click.FloatRange(0.1, 600), default=5.0, show_default=True, help="How long a run lasts."
)
@click.option("--tls", is_flag=True, help="Speak TLS with the reference endpoint.")
@click.option(
    "--http",
    type=click.Choice(["1.1", "2"]),
    default="1.1",
    show_default=True,
    help="The version of HTTP that is spoken; 2 needs --tls.",
)
@click.option(
    "--limit-ms",
    type=click.FloatRange(0.001),
    default=1.0,
    show_default=True,
    help="Token error p99 that is trusted.",
)
@as_json_too
def calibrate_(
    concurrency: int | None,
    rate: float | None,
    arrivals: Literal["poisson", "constant"],
    max_tokens: int,
    seconds: float,
    tls: bool,
    http: Http,
    limit_ms: float,
    as_json: bool,
) -> None:
    """Measure the client's own error on this machine, against an endpoint of known timing."""
    import secrets

    from fairlead import report
    from fairlead.campaign import Progress
    from fairlead.measure.calibrate import LoadShape, calibrate, find_trusted_concurrency
    from fairlead.measure.cores import client_cores
    from fairlead.measure.plan import OPEN_BOUND, processes_for

    if http == "2" and not tls:
        raise click.UsageError("--http 2 needs --tls: HTTP/2 is spoken over TLS only")
    certificates: list[Certificate] = []
    cores = client_cores()

    def certify(streams: int) -> Certificate:
        try:
            shape = LoadShape(
                concurrency=streams,
                processes=processes_for(streams, cores),
                seconds=seconds,
                tls=tls,
                http=http,
                rate_per_s=rate,
                arrivals=None if rate is None else arrivals,
                max_tokens=max_tokens,
            )
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        number, name = len(certificates) + 1, f"{streams} streams" if rate is None else f"{rate:g} a second"

        def progress(done: int, failed: int) -> None:
            meter.report(Progress(number, number, name, done, failed, planned))

        planned = shape.plan(f"http{'s' * tls}://127.0.0.1/v1", "00").requests
        measured = calibrate(shape, seed=secrets.token_hex(16), progress=progress)
        certificates.append(measured.certificate)
        return measured.certificate

    trusted = None
    with Meter(quiet=as_json) as meter:
        if concurrency is None and rate is None:
            trusted = find_trusted_concurrency(certify, limit_ns=int(limit_ms * 1e6))
        else:
            certify(concurrency or OPEN_BOUND)
    show = report.certificates_json if as_json else report.certificates_text
    click.echo(show(certificates, trusted, limit_ms), nl=False)
