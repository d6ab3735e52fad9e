"""The command that looks at an endpoint before a run. Knows no answer's meaning: that is the doctor's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairlead.cli.adhoc import key_for_url
from fairlead.cli.common import (
    EXIT_PROBLEMS,
    as_json_too,
    find_root,
    has_error,
    in_root,
    latest_version,
    load_or_problems,
    now,
)
from fairlead.cli.completing import complete_dialect, complete_scenario
from fairlead.cli.spending import stated_rates
from fairlead.clock import unix_ns_of

if TYPE_CHECKING:
    from fairlead.doctor import Costing, Finding
    from fairlead.measure.policy import Secret
    from fairlead.repository import Repository
    from fairlead.windows import Http


@click.command()
@click.option("--url", required=True, help="The API's base address, as in http://127.0.0.1:8377/v1.")
@click.option("--model", required=True, help="The model's name in the API.")
@click.option(
    "--dialect",
    shell_complete=complete_dialect,
    help="The only API to try; else each that is known, in order.",
)
@click.option("--http", type=click.Choice(["1.1", "2"]), default="1.1", show_default=True)
@click.option("--key-env", metavar="NAME", help="The environment variable that holds the key; https only.")
@click.option(
    "--scenario",
    shell_complete=complete_scenario,
    help="What a run of it costs is said; else of the methodology's first.",
)
@click.option(
    "--usd-per-mtok-in",
    type=click.FloatRange(0),
    help="Price of a million input tokens, where none is listed.",
)
@click.option("--usd-per-mtok-out", type=click.FloatRange(0), help="The same for output tokens.")
@as_json_too
@in_root
def doctor(
    url: str,
    model: str,
    dialect: str | None,
    http: Http,
    key_env: str | None,
    scenario: str | None,
    usd_per_mtok_in: float | None,
    usd_per_mtok_out: float | None,
    as_json: bool,
    root_option: Path | None,
) -> None:
    """Look at an endpoint with a handful of requests, and say what a measurement of it will meet.

    A key goes over https to the host that you typed, and nowhere else. Exit code 1: it cannot be measured so.
    """
    from fairlead import doctor as doctors

    rates = stated_rates(usd_per_mtok_in, usd_per_mtok_out)
    costing = _costing(_repository(root_option), url, model, scenario, rates)
    key = None if key_env is None else key_for_url(key_env, url)
    options = doctors.endpoint_options(url, model, dialect=dialect, http=http, key_env=key_env)
    found, _ = examine(url, model, dialect=dialect, http=http, key=key, options=options, costing=costing)
    click.echo(_json_text(found) if as_json else findings_text(found), nl=False)
    if any(finding.level is doctors.Level.PROBLEM for finding in found):
        raise click.exceptions.Exit(EXIT_PROBLEMS)


def examine(
    url: str,
    model: str,
    *,
    dialect: str | None,
    http: Http,
    key: Secret | None,
    options: str,
    costing: Costing | None,
) -> tuple[list[Finding], str | None]:
    """The findings of a look from here, and the dialect to measure by."""
    import secrets

    from fairlead import doctor as doctors
    from fairlead.clock import SystemClock

    try:
        looked = doctors.look_at(
            url,
            model,
            dialect=dialect,
            http=http,
            key=key,
            seed=secrets.token_hex(32),
            clock=SystemClock(),
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    found = doctors.findings(looked, options=options, costing=costing)
    return [_without(key, finding) for finding in found] if key is not None else found, looked.dialect


def _without(key: Secret, finding: Finding) -> Finding:
    """The finding, with the key taken out of what the endpoint may have echoed."""
    import dataclasses

    return dataclasses.replace(finding, seen=key.conceal_text(finding.seen))


def findings_text(found: Sequence[Finding]) -> str:
    """Each finding as a person reads it."""
    colours = {"ok": "green", "note": "yellow", "problem": "red"}
    lines: list[str] = []
    for finding in found:
        level = click.style(f"{finding.level:<8}", fg=colours[finding.level], bold=True)
        lines.append(f"{level}{finding.name:<15}{finding.seen}")
        lines.append(f"{'':<23}= means: {finding.means}")
        if finding.next is not None:
            lines.append(f"{'':<23}= next: {finding.next}")
    return "\n".join(lines) + "\n"


def _json_text(found: Sequence[Finding]) -> str:
    import dataclasses
    import json

    records = [dataclasses.asdict(finding) for finding in found]
    return json.dumps({"schema_version": 1, "findings": records}, indent=2) + "\n"


def _repository(root_option: Path | None) -> Repository | None:
    """The root's data where there is a root and it can be read: a look needs none."""
    try:
        root = find_root(root_option)
    except click.UsageError:
        if root_option is not None:
            raise
        return None
    repository, problems = load_or_problems(root, None)
    return None if has_error(problems) or not repository.methodologies else repository


def _costing(
    repository: Repository | None, url: str, model: str, scenario: str | None, stated: Any
) -> Costing | None:
    """What a window costs by the price that is listed for this address and model, else by the typed one."""
    from fairlead.campaign import ESTIMATE_RULES, scenario_spending
    from fairlead.cost import NoCost, price_at
    from fairlead.doctor import Costing

    if repository is None:
        if scenario is not None:
            raise click.UsageError(
                "--scenario needs a root without problems: fairlead check says which there are"
            )
        return None
    methodology = repository.methodologies[latest_version(repository)]
    by_id = {each.id: each for each in methodology.scenarios}
    chosen = by_id.get(scenario or methodology.scenarios[0].id)
    if chosen is None:
        raise click.UsageError(f"no scenario {scenario!r}; there are: {', '.join(by_id)}")
    rates, source = stated, "the prices that you typed"
    for provider, entry in repository.providers.items():
        for endpoint in entry.endpoints:
            for served in endpoint.models:
                if (endpoint.base_url or "").rstrip("/") == url.rstrip("/") and model in (
                    served.api_model,
                    served.model,
                ):
                    listed = price_at(served.prices, unix_ns_of(now()))
                    if not isinstance(listed, NoCost):
                        rates, source = listed, f"the price in providers/{provider}.yaml"
    if rates is None:
        spending: Any = NoCost("no provider's file lists a price for this address and model")
    else:
        spending = scenario_spending(methodology, chosen.id, rates, ESTIMATE_RULES)
    return Costing(chosen.id, chosen.requests, spending, source)
