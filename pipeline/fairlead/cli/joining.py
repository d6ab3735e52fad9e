"""The command that lists a provider: it asks, writes one file, and says the next step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fairlead.cli.common import ask, find_root, github_account, in_root, load, now, stop_at


@click.command()
@click.argument("provider")
@click.option("--name", help="The company's own spelling.")
@click.option("--website")
@click.option("--base-url", help="What the API's paths are put behind, as in https://api.acme.example/v1.")
@click.option("--dialect", default="openai-chat", show_default=True, help="The API it speaks.")
@click.option("--http", type=click.Choice(["1.1", "2"]), default="1.1", show_default=True)
@click.option("--model", help="Canonical id, as in methodology/models.yaml.")
@click.option("--api-model", help="The model's name in the API.")
@click.option(
    "--contact", "contacts", multiple=True, metavar="NAME=LOGIN:ID", help="Who may submit. May be repeated."
)
@in_root
def provider(
    provider: str,
    name: str | None,
    website: str | None,
    base_url: str | None,
    dialect: str,
    http: str,
    model: str | None,
    api_model: str | None,
    contacts: tuple[str, ...],
    root_option: Path | None,
) -> None:
    """List PROVIDER, an id in small letters: write providers/PROVIDER.yaml.

    \b
    fairlead new provider acme --name Acme --base-url https://api.acme.example/v1 \\
        --model llama-3-70b --api-model llama-3-70b-instruct --contact "Ada Example=ada:4321"

    What is not asked stands there as null, which is shown as not disclosed: fill in what you like to say.
    """
    from fairlead import checks, scaffold
    from fairlead.documents import parse
    from fairlead.measure.dialects import DIALECTS
    from fairlead.problems import nearest
    from fairlead.repository import FileKind, canonical_text, kind_of, schema_problems

    repository, path = load(find_root(root_option)), f"providers/{provider}.yaml"
    if kind_of(path) is not FileKind.PROVIDER:
        raise click.UsageError(f"{provider!r} is no id: small letters and digits, in words joined by hyphens")
    if dialect not in DIALECTS:
        raise click.UsageError(f"no dialect {dialect!r}; there are: {', '.join(DIALECTS)}")
    served = ask(model, "--model", "Which model (canonical id)")
    if served not in repository.models:
        meant = nearest(served, repository.models)
        hint = f"; did you mean {meant}?" if meant else "; add it to methodology/models.yaml first"
        raise click.UsageError(f"no model {served!r}{hint}")
    data = _provider(
        name=ask(name, "--name", "The company's name"),
        website=website,
        base_url=ask(base_url, "--base-url", "The API's base address"),
        dialect=dialect,
        http=http,
        model=served,
        api_model=ask(api_model, "--api-model", "The model's name in the API"),
        contacts=[_contact(text) for text in contacts],
    )
    text = canonical_text("provider", data)
    document, problems = parse(text.encode(), path)
    if document is not None:
        problems += schema_problems(document, FileKind.PROVIDER)
    stop_at(problems)
    stop_at(scaffold.add_files(repository.root, {path: text.encode()}).problems)
    click.echo(path)
    found = checks.run_checks(repository.root, paths=[path], now=now())
    for problem in found:
        click.echo(
            f"  still to do: {problem.message}" + (f" ({problem.fix})" if problem.fix else ""), err=True
        )
    click.echo(
        f"Next: fill in prices with their sources, hardware, interests, and `benchmark_permission`\n"
        f"      fairlead check {path}\n"
        f"      git switch -c list-{provider} && git add {path} && git commit -m 'List {provider}'\n"
        f"      then open a pull request with that one file",
        err=True,
    )


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
    model: str,
    api_model: str,
    contacts: list[dict[str, Any]],
) -> dict[str, Any]:
    """The file's data: what was said, and null for all the rest."""
    undisclosed = dict.fromkeys(
        ("accelerator", "accelerator_count", "precision", "context_tokens", "prompt_cache")
    )
    served: dict[str, Any] = {"model": model, "api_model": api_model, **undisclosed, "prices": []}
    endpoint = {
        "id": "main",
        "base_url": base_url,
        "dialect": dialect,
        "http": http,
        "region": None,
        "models": [served],
    }
    return {
        "schema_version": 1,
        "name": name,
        "status": "active",
        "organisation": None,
        "website": website,
        "contacts": contacts,
        "benchmark_permission": None,
        "endpoints": [endpoint],
        "interests": [],
        "notes": None,
    }
