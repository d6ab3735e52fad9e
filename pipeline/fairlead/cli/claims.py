"""The commands of a provider: say what will be measured, seal what was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fairlead.cli.common import (
    campaign_errors,
    find_root,
    github_account,
    in_root,
    latest_version,
    load,
    now,
    seconds,
    submission_name,
)


@click.command()
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
@in_root
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

    repository = load(find_root(root_option))
    version = latest_version(repository)
    with campaign_errors():
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
            spacing_s=seconds(spacing),
            slug=slug,
            now=now(),
            seed=secrets.token_hex(32),
            by=github_account(github) if github else None,
        )
    submission = folder.relative_to(repository.root / "submissions")
    click.echo(f"{folder.relative_to(repository.root)}/registration.yaml")
    click.echo(f"Next: merge it by pull request, then run: fairlead measure {submission}", err=True)


@click.command()
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
@in_root
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

    repository = load(find_root(root_option))
    submission = submission_name(submission)
    with campaign_errors():
        measured = report.claimable_figures(repository, submission)
        stated = _claims(claims)
        figures = [
            (endpoint, model, scenario, {**values, **stated})
            for endpoint, model, scenario, values in measured
        ]
        methodology = repository.methodologies[latest_version(repository)]
        path = campaign.submit(
            repository,
            submission,
            title=title or f"{submission.split('/')[0]}: {len(figures)} scenarios",
            disclosures=disclosures,
            claims=campaign.figures_as_claims(figures, methodology.ranking.metrics[0]),
            now=now(),
            by=github_account(github) if github else None,
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
