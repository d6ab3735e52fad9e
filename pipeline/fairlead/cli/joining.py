"""The command that lists a provider: it asks, looks at the endpoint, writes one file, says the next step."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairlead.cli.common import (
    EXIT_PROBLEMS,
    ask,
    complain,
    find_root,
    github_account,
    in_root,
    is_at_a_terminal,
    load,
    now,
    stop_at,
)
from fairlead.cli.completing import complete_dialect, complete_model
from fairlead.cli.spending import stated_rates

if TYPE_CHECKING:
    from fairlead.cost import StatedRates
    from fairlead.measure.policy import Secret
    from fairlead.windows import Http

_SMOKE_REQUESTS, _SMOKE_TOKENS = 8, 32


@click.command()
@click.argument("provider")
@click.option("--name", help="The company's own spelling.")
@click.option("--website")
@click.option("--base-url", help="What the API's paths are put behind, as in https://api.acme.example/v1.")
@click.option(
    "--url", help="The same, and look at it now: its dialect, then a smoke window that is not kept."
)
@click.option("--key-env", metavar="NAME", help="With --url: the environment variable that holds the key.")
@click.option(
    "--dialect",
    shell_complete=complete_dialect,
    help="The API it speaks; with --url the one that answers, else openai-chat.",
)
@click.option("--http", type=click.Choice(["1.1", "2"]), default="1.1", show_default=True)
@click.option("--model", shell_complete=complete_model, help="Canonical id, as in methodology/models.yaml.")
@click.option("--api-model", help="The model's name in the API.")
@click.option(
    "--contact", "contacts", multiple=True, metavar="NAME=LOGIN:ID", help="Who may submit. May be repeated."
)
@click.option("--region", help="Where the endpoint stands.")
@click.option("--usd-per-mtok-in", type=click.FloatRange(0), help="Today's list price of input tokens.")
@click.option("--usd-per-mtok-out", type=click.FloatRange(0), help="The same for output tokens.")
@click.option("--price-source", metavar="URL", help="Where anybody can read these prices.")
@click.option(
    "--permission", metavar="URL", help="Where it is written that your benchmarks may be published."
)
@in_root
def provider(
    provider: str,
    name: str | None,
    website: str | None,
    base_url: str | None,
    url: str | None,
    key_env: str | None,
    dialect: str | None,
    http: Http,
    model: str | None,
    api_model: str | None,
    contacts: tuple[str, ...],
    region: str | None,
    usd_per_mtok_in: float | None,
    usd_per_mtok_out: float | None,
    price_source: str | None,
    permission: str | None,
    root_option: Path | None,
) -> None:
    """List PROVIDER, an id in small letters: write providers/PROVIDER.yaml.

    At a terminal it asks for what is missing; every answer is an option too. What nobody says stands there as
    null, which is shown as not disclosed. With --url the endpoint is looked at first, and nothing is written
    if it cannot be measured.
    """
    from fairlead.measure.dialects import DIALECTS
    from fairlead.problems import nearest
    from fairlead.repository import FileKind, kind_of

    repository, path = load(find_root(root_option)), f"providers/{provider}.yaml"
    if kind_of(path) is not FileKind.PROVIDER:
        raise click.UsageError(f"{provider!r} is no id: small letters and digits, in words joined by hyphens")
    if dialect is not None and dialect not in DIALECTS:
        raise click.UsageError(f"no dialect {dialect!r}; there are: {', '.join(DIALECTS)}")
    if url is not None and base_url is not None:
        raise click.UsageError("--url is --base-url with a look at it: leave one of them out")
    if key_env is not None and url is None:
        raise click.UsageError("--key-env goes with --url")
    people = [_contact(text) for text in contacts]
    rates = stated_rates(usd_per_mtok_in, usd_per_mtok_out)
    if rates is not None and price_source is None:
        raise click.UsageError("a price needs its source: --price-source URL")
    served = ask(model, "--model", "Which model (canonical id)")
    if served not in repository.models:
        meant = nearest(served, repository.models)
        hint = f"; did you mean {meant}?" if meant else "; add it to methodology/models.yaml first"
        raise click.UsageError(f"no model {served!r}{hint}")
    spelled = ask(name, "--name", "The company's name")
    address = url or ask(base_url, "--base-url", "The API's base address")
    in_api = ask(api_model, "--api-model", "The model's name in the API")
    if url is None and base_url is None:
        url = address if click.confirm("Look at it now, with a few requests?", default=True) else None
    found = _look(url, in_api, dialect, http, key_env, provider, rates) if url is not None else None
    data = _provider(
        name=spelled,
        website=website or _maybe("The company's website"),
        base_url=address,
        dialect=found or dialect or "openai-chat",
        http=http,
        region=region or _maybe("Where the endpoint stands, as in eu-west"),
        model=served,
        api_model=in_api,
        contacts=people or _asked_contact(),
        prices=_prices(rates, price_source),
        permission=permission or _maybe("Where is written that your benchmarks may be published (URL)"),
    )
    _write(repository.root, path, data)
    click.echo(_NEXT.format(provider=provider), err=True)


_NEXT = """\
Next: fill in what is still null and you like to say: prices with their sources, hardware, interests
  fairlead check providers/{provider}.yaml
  git switch --create list-{provider}
  git add providers/{provider}.yaml
  git commit --message "List {provider}"
  fairlead check --base origin/main
  git push --set-upstream origin list-{provider}
then open a pull request with that one file; once it is merged: fairlead register --help"""


def _write(root: Path, path: str, data: dict[str, Any]) -> None:
    """The file, or the end with its problems and nothing written; then what is still to do."""
    from fairlead import checks, scaffold
    from fairlead.repository import FileKind, canonical_text, read_value

    text = canonical_text("provider", data)
    _, problems = read_value(text.encode(), path, FileKind.PROVIDER)
    stop_at(problems)
    stop_at(scaffold.add_files(root, {path: text.encode()}).problems)
    click.echo(path)
    for problem in checks.run_checks(root, paths=[path], now=now()):
        click.echo(
            f"  still to do: {problem.message}" + (f" ({problem.fix})" if problem.fix else ""), err=True
        )


def _look(
    url: str,
    api_model: str,
    dialect: str | None,
    http: Http,
    key_env: str | None,
    provider: str,
    rates: StatedRates | None,
) -> str:
    """The dialect that answers there, after a look and a smoke window; the end where none does."""
    from fairlead import doctor as doctors
    from fairlead.cli.adhoc import key_for_url
    from fairlead.cli.doctoring import examine, findings_text

    key = None if key_env is None else key_for_url(key_env, url)
    options = doctors.endpoint_options(url, api_model, dialect=dialect, http=http, key_env=key_env)
    found, answers = examine(
        url, api_model, dialect=dialect, http=http, key=key, options=options, costing=None
    )
    click.echo(findings_text(found), nl=False, err=True)
    if answers is None:
        complain(
            f"{url} cannot be measured so, and nothing was written",
            f"do what stands at `next` above, then the same again; or list it unseen: "
            f"fairlead new provider {provider} --base-url {url} …",
        )
        raise click.exceptions.Exit(EXIT_PROBLEMS)
    _smoke(url, api_model, answers, http, key, rates)
    return answers


def _smoke(
    url: str, api_model: str, dialect: str, http: Http, key: Secret | None, rates: StatedRates | None
) -> None:
    """A small window, shown and not kept."""
    import secrets
    import tempfile

    from fairlead import report
    from fairlead.cli.spending import allow_windows
    from fairlead.measure.plan import Plan
    from fairlead.measure.runner import measure_window

    plan = Plan(
        url=url,
        model=api_model,
        concurrency=1,
        requests=_SMOKE_REQUESTS,
        seed=secrets.token_hex(32),
        max_tokens=_SMOKE_TOKENS,
        dialect=dialect,
        http=http,
    )
    allow_windows([plan], rates, None)
    with tempfile.TemporaryDirectory() as folder:
        sealed = measure_window(plan, spool=Path(folder) / "smoke.spool", key=key)
    click.echo("A smoke window, to see that it can be measured; it is kept nowhere:", err=True)
    click.echo(report.window_text(report.summarise_window(sealed.window), None), nl=False, err=True)


def _maybe(question: str) -> str | None:
    """What a person at a terminal answers; nothing is an answer too. Elsewhere nothing."""
    if not is_at_a_terminal():
        return None
    return click.prompt(f"{question}; empty: not disclosed", default="", show_default=False) or None


def _asked_contact() -> list[dict[str, Any]]:
    text = _maybe("Who may submit (NAME=LOGIN:ID)")
    return [] if text is None else [_contact(text)]


def _prices(rates: StatedRates | None, source: str | None) -> list[dict[str, Any]]:
    """Today's price, as a history of one entry."""
    if rates is None:
        return []
    today = _today()
    return [
        {
            "from": today,
            "until": None,
            "input_usd_per_mtok": rates.input_usd_per_mtok,
            "cached_input_usd_per_mtok": None,
            "output_usd_per_mtok": rates.output_usd_per_mtok,
            "source": source,
            "retrieved": today,
        }
    ]


def _today() -> str:
    return now().astimezone(dt.UTC).date().isoformat()


def _contact(text: str) -> dict[str, Any]:
    name, _, account = text.rpartition("=")
    if not name:
        raise click.UsageError(f"--contact {text!r}: write NAME=LOGIN:ID, as in 'Ada Example=ada:4321'")
    person = github_account(account)
    return {"name": name, "github": {"login": person.login, "id": person.id}}


def _provider(
    *,
    name: str,
    website: str | None,
    base_url: str,
    dialect: str,
    http: str,
    region: str | None,
    model: str,
    api_model: str,
    contacts: list[dict[str, Any]],
    prices: list[dict[str, Any]],
    permission: str | None,
) -> dict[str, Any]:
    """The file's data: what was said, and null for all the rest."""
    undisclosed = dict.fromkeys(
        ("accelerator", "accelerator_count", "precision", "context_tokens", "prompt_cache")
    )
    served: dict[str, Any] = {"model": model, "api_model": api_model, **undisclosed, "prices": prices}
    endpoint = {
        "id": "main",
        "base_url": base_url,
        "dialect": dialect,
        "http": http,
        "region": region,
        "models": [served],
    }
    return {
        "schema_version": 1,
        "name": name,
        "status": "active",
        "organisation": None,
        "website": website,
        "contacts": contacts,
        "benchmark_permission": None
        if permission is None
        else {"granted": True, "source": permission, "date": _today()},
        "endpoints": [endpoint],
        "interests": [],
        "notes": None,
    }
