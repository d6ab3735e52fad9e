"""The command that measures a claim again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairlead.cli.clustering import crew_at, measure_on_ray
from fairlead.cli.common import (
    EXIT_PROBLEMS,
    Meter,
    campaign_errors,
    complain,
    find_root,
    github_account,
    in_root,
    load,
    now,
    results_cache,
    seconds,
    stop_at,
    submission_name,
    tokenizer_files,
)
from fairlead.cli.completing import complete_submission, complete_vantage
from fairlead.cli.measuring import gear_of, keys_of, say_window, tokenizers_of
from fairlead.cli.spending import allow_campaign, stated_rates

if TYPE_CHECKING:
    from fairlead.repository import Repository
    from fairlead.verdict import SubmissionVerdict


@click.command()
@click.argument("submission", shell_complete=complete_submission)
@click.option("--by", required=True, metavar="LOGIN:ID", help="Who starts it, without an interest in it.")
@click.option(
    "--vantage",
    shell_complete=complete_vantage,
    help="Where this runner stands; the registered vantage if not given.",
)
@click.option("--rounds", type=click.IntRange(1), help="So many at most; else until it is certain.")
@click.option("--spacing", help="From one round to the next (90s, 15m, 1h); an hour of the day if not given.")
@click.option(
    "--jitter",
    default="0s",
    show_default=True,
    help="Wait a random while before each round.",
)
@click.option("--commit", metavar="SHA", help="See that what is checked out holds this full commit.")
@click.option(
    "--plan",
    "only_plan",
    is_flag=True,
    help="Measure nothing: print what a workflow needs to know.",
)
@tokenizer_files
@click.option("--max-usd", type=click.FloatRange(0), help="What this may cost at most by its estimate.")
@click.option(
    "--usd-per-mtok-in",
    type=click.FloatRange(0),
    help="Price of a million input tokens, if none is recorded.",
)
@click.option("--usd-per-mtok-out", type=click.FloatRange(0), help="The same for output tokens.")
@measure_on_ray
@in_root
def rerun(
    submission: str, by: str, commit: str | None, only_plan: bool, root_option: Path | None, **options: Any
) -> None:
    """Measure a claim again, in rounds beside the control and its rivals, until the verdict is certain.

    Prompts are fresh: nobody could know them. Ctrl-C and a crash keep every finished request; run the same
    command again to go on. Who starts it is a maintainer without an interest in the provider, unless all that
    is measured stands on this machine.
    """
    root, name = find_root(root_option), submission_name(submission)
    repository = load(root)
    if commit is not None:
        _require_commit(root, commit)
    _require_leave(repository, name, by)
    if only_plan:
        _print_plan(repository, name)
        return
    _measure(repository, name, by=by, **options)


def _require_commit(root: Path, commit: str) -> None:
    from fairlead import history

    if not history.holds(root, commit):
        complain(
            f"what is checked out holds no commit {commit[:80]!r}", "name the full one that merged the claim"
        )
        raise click.exceptions.Exit(EXIT_PROBLEMS)


def _require_leave(repository: Repository, submission: str, by: str) -> None:
    """End the command unless this person may start a rerun, by what `check` holds against it later."""
    from fairlead.checks.governance import rerun_refusal

    person, provider = github_account(by), submission.partition("/")[0]
    refusal = rerun_refusal(repository, person, provider, now())
    if refusal is not None:
        clause, reason = refusal
        fix = "let a maintainer start it who has no interest: see `fairlead conflicts --provider`"
        complain(f"{clause}: {person.login} ({person.id}) {reason}", fix)
        raise click.exceptions.Exit(EXIT_PROBLEMS)


def _print_plan(repository: Repository, submission: str) -> None:
    """The lines of a workflow's outputs: the model, the vantage, and the parts that may be needed."""
    import json

    from fairlead import campaign

    with campaign_errors():
        plan = campaign.plan_rerun(repository, submission)
    if len(plan.models) != 1:
        complain(
            f"{submission} claims {len(plan.models)} models, a series of jobs measures one", "run it by hand"
        )
        raise click.exceptions.Exit(EXIT_PROBLEMS)
    click.echo(f"model={plan.models[0]}")
    click.echo(f"vantage={plan.vantage}")
    click.echo(f"parts={json.dumps(list(range(1, plan.rounds_most + 1)))}")


def _measure(
    repository: Repository,
    submission: str,
    *,
    by: str,
    vantage: str | None,
    rounds: int | None,
    spacing: str | None,
    jitter: str,
    tokenizer_files: tuple[Path, ...],
    ray_address: str | None,
    max_usd: float | None,
    usd_per_mtok_in: float | None,
    usd_per_mtok_out: float | None,
) -> None:
    import random

    from fairlead import campaign
    from fairlead.clock import SystemClock

    with campaign_errors(), Meter() as meter:
        plan = campaign.plan_rerun(repository, submission)
        spacing_s = plan.spacing_s if spacing is None else seconds(spacing)
        many = min(rounds or plan.rounds_most, plan.rounds_most)
        tokenizers, keys = tokenizers_of(repository, plan.models, tokenizer_files), keys_of(repository)
        spending = campaign.rounds_spending(
            repository,
            version=plan.reference.version,
            scenarios=plan.scenarios,
            rounds=many,
            spacing_s=spacing_s,
            keyed=keys,
            now_unix_ns=SystemClock().unix_ns(),
            stated=stated_rates(usd_per_mtok_in, usd_per_mtok_out),
            rules=campaign.ESTIMATE_RULES,
        )
        allow_campaign(spending, max_usd)
        with crew_at(ray_address, vantage or plan.vantage, keyed=bool(keys)) as crew:
            for path in campaign.measure_rerun(
                repository,
                submission,
                started_by=github_account(by),
                rounds=many,
                spacing_s=spacing_s,
                jitter_s=seconds(jitter),
                vantage=vantage,
                rng=random.SystemRandom(),
                gear=gear_of(meter, keys, tokenizers, crew),
                is_enough=lambda: _verdict(repository.root, submission).is_certain,
            ):
                say_window(meter, repository, path)
    verdict = _verdict(repository.root, submission)
    for one in verdict.rows.values():
        click.echo(one.sentence)
    if not verdict.is_certain:
        click.echo(f"Next: fairlead rerun {submission} --by {by}", err=True)


def _verdict(root: Path, submission: str) -> SubmissionVerdict:
    """The verdict on what is there now."""
    from fairlead.evidence import load_evidence
    from fairlead.verdict import judge_submission

    repository = load(root, results_cache(root, "documents"))
    evidence, problems = load_evidence(repository, results_cache(root, "windows"))
    stop_at(problems)
    return judge_submission(repository, evidence, submission)
