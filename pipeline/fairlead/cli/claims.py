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
from fairlead.cli.completing import (
    complete_model,
    complete_provider,
    complete_scenario,
    complete_submission,
    complete_vantage,
)


@click.command()
@click.argument("provider", shell_complete=complete_provider)
@click.option(
    "--model",
    "models",
    shell_complete=complete_model,
    required=True,
    multiple=True,
    help="Canonical id, as in methodology/models.yaml. May be repeated.",
)
@click.option("--endpoint", help="The endpoint's id; the first that serves each model if not given.")
@click.option(
    "--scenario",
    "scenarios",
    multiple=True,
    shell_complete=complete_scenario,
    help="May be repeated; all of the methodology if not given.",
)
@click.option(
    "--vantage",
    required=True,
    shell_complete=complete_vantage,
    help="Where the claim is measured from; a rerun is made there too.",
)
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
    models: tuple[str, ...],
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

    It counts from the moment it is merged, and is never edited after that. Results are merged later, and a
    run that is never delivered is published as such. This fixes the plan, not honesty: nobody can see whether
    the same run was tried in private before, and so only the board's own neutral windows rank.
    """
    import secrets

    from fairlead import campaign

    repository = load(find_root(root_option))
    version = latest_version(repository)
    with campaign_errors():
        folder = campaign.register(
            repository,
            provider=provider,
            endpoint=endpoint,
            models=models,
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
    submission = folder.relative_to(repository.root / "submissions").as_posix()
    path = f"{folder.relative_to(repository.root).as_posix()}/registration.yaml"
    click.echo(path)
    click.echo(_MERGE_FIRST.format(branch=f"register-{slug}", path=path, submission=submission), err=True)


_MERGE_FIRST = """\
Next: merge it by a pull request of this one file, before you measure. It counts from then on.
  git switch --create {branch}
  git add {path}
  git commit --message "Register {submission}"
  git push --set-upstream origin {branch}
Then, when it is merged:
  git switch main && git pull
  fairlead measure {submission}"""


@click.command()
@click.argument("submission", shell_complete=complete_submission)
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
        registration = campaign.registered(repository, submission)
        measured = report.claimable_figures(repository, submission)
        stated = _claims(claims)
        figures = [
            (endpoint, model, scenario, {**values, **stated})
            for endpoint, model, scenario, values in measured
        ]
        methodology = repository.methodologies[registration.methodology.version]
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
    click.echo(
        _DELIVER.format(branch=f"submit-{submission.rpartition('/')[2]}", submission=submission), err=True
    )


_DELIVER = """\
Next: bring it by a pull request of this one folder; its registration must be merged already.
  git switch --create {branch}
  git add submissions/{submission}
  git commit --message "Submit {submission}"
  fairlead check --base origin/main
  git push --set-upstream origin {branch}"""


def _claims(texts: tuple[str, ...]) -> dict[str, float]:
    claims = {}
    for text in texts:
        metric, _, value = text.partition("=")
        try:
            claims[metric] = float(value)
        except ValueError:
            raise click.UsageError(f"--claim {text!r}: write METRIC=VALUE, as in ttft_p50_ms=210") from None
    return claims
