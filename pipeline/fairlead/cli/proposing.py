"""The command that raises a proposal: it asks, writes the folder with its text, and says the next step."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairlead.cli.common import ask, find_root, github_account, in_root, load, now, stop_at

if TYPE_CHECKING:
    from fairlead.repository import Repository

_KINDS = ("methodology", "rules", "charter", "admission", "removal", "editorial")
_TEXT = """# {title}

## What is wrong today

{motivation}

## What is to be said instead

{change}

## Objections
"""
_MOTIVATION = "Say it here: the clause, and a row or a file where it shows."
_CHANGE = "Say it here, word for word; the files themselves are changed in the same pull request."
_LONGEST_DIFF = 200_000  # of the 1,000,000 bytes that a text may have


@click.command()
@click.argument("slug")
@click.option("--title", help="What it is about, in one line.")
@click.option("--kind", type=click.Choice(_KINDS), help="What it decides on.")
@click.option("--by", metavar="LOGIN:ID", help="Who proposes it, and answers for it.")
@click.option(
    "--methodology-version", "version", metavar="VERSION", help="Of a methodology: the one it would ratify."
)
@click.option(
    "--names", multiple=True, metavar="ORGANISATION", help="Of an admission or a removal. May be repeated."
)
@click.option("--motivation", help="What is wrong today; else the text has a place for it.")
@in_root
def proposal(
    slug: str,
    title: str | None,
    kind: str | None,
    by: str | None,
    version: str | None,
    names: tuple[str, ...],
    motivation: str | None,
    root_option: Path | None,
) -> None:
    """Raise a proposal under the next free number: write its folder in methodology/proposals/.

    Its text holds the exact difference to the method in whose place it would come. Nothing is decided by it:
    it is a draft until it is opened for comment.
    """
    from fairlead import scaffold
    from fairlead.repository import FileKind, canonical_text, kind_of, read_value

    repository, moment = load(find_root(root_option)), now().replace(microsecond=0)
    name = f"{_next_number(repository):04}-{slug}"
    folder = f"methodology/proposals/{name}"
    path = f"{folder}/proposal.yaml"
    if kind_of(path) is not FileKind.PROPOSAL:
        raise click.UsageError(f"{slug!r} is no slug: small letters and digits, in words joined by hyphens")
    kind = ask(kind, "--kind", f"What does it decide on ({', '.join(_KINDS)})")
    _refuse(repository, kind, names)
    version = _version(repository, kind, version)
    line = ask(title, "--title", "What is it about, in one line")
    person = github_account(ask(by, "--by", "Who proposes it (LOGIN:ID)"))
    at = f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
    data: dict[str, Any] = {
        "schema_version": 1,
        "title": line,
        "kind": kind,
        "proposer": {"login": person.login, "id": person.id},
        "raised": at,
        "methodology_version": version,
        "named": list(names),
        "pull": None,
        "events": [{"kind": "draft", "at": at, "reason": "Raised."}],
        "notes": None,
    }
    text = canonical_text("proposal", data)
    _, problems = read_value(text.encode(), path, FileKind.PROPOSAL)
    stop_at(problems)
    change = _CHANGE if version is None else _difference(repository, version, moment)
    prose = _TEXT.format(title=line, motivation=motivation or _MOTIVATION, change=change)
    added = scaffold.add_files(
        repository.root, {path: text.encode(), f"{folder}/proposal.md": prose.encode()}
    )
    stop_at(added.problems)
    for written in added.written:
        click.echo(written)
    click.echo(_next_steps(name, folder, version), err=True)


def _next_number(repository: Repository) -> int:
    """One more than the highest that was ever in use here, whatever state its folder is in."""
    from fairlead.governance.register import PROPOSALS

    numbers = [path.removeprefix(PROPOSALS)[:4] for path in repository.kinds if path.startswith(PROPOSALS)]
    return 1 + max((int(number) for number in numbers if number.isdecimal()), default=0)


def _refuse(repository: Repository, kind: str, names: tuple[str, ...]) -> None:
    """End the command where it names nobody who has to be named, or somebody who is not there."""
    from fairlead.governance import NAMING_KINDS
    from fairlead.problems import nearest

    if kind not in _KINDS:
        raise click.UsageError(f"no kind {kind!r}; there are: {', '.join(_KINDS)}")
    if (kind in NAMING_KINDS) != bool(names):
        naming = " or ".join(sorted(NAMING_KINDS))
        raise click.UsageError(f"--names goes with {naming}: whose people recuse, by their organisations")
    for one in names:
        if one not in repository.organisations:
            meant = nearest(one, repository.organisations)
            hint = f"; did you mean {meant}?" if meant else "; add it first"
            raise click.UsageError(f"no organisation {one!r} in organisations.yaml{hint}")


def _version(repository: Repository, kind: str, version: str | None) -> str | None:
    """The version that it would ratify, whose files are there already."""
    if kind != "methodology":
        if version is not None:
            raise click.UsageError("--methodology-version goes with --kind methodology")
        return None
    given = ask(version, "--methodology-version", "Which methodology version would it ratify")
    entry = repository.versions.get(given)
    if given not in repository.methodologies or entry is None:
        known = ", ".join(repository.methodologies) or "none"
        raise click.UsageError(
            f"no methodology version {given!r}; there are: {known}. First write its folder in "
            "methodology/versions/ and its entry in versions.yaml: the proposal says what is different there"
        )
    if entry.state in ("ratified", "superseded"):
        raise click.UsageError(f"{given} is {entry.state} already: propose a version with another number")
    return given


def _difference(repository: Repository, version: str, moment: dt.datetime) -> str:
    """The exact difference of a version's two files to those of the one in whose place it would come."""
    import difflib

    from fairlead import impact

    before = impact.predecessor(repository, version, moment)
    if before is None:
        return f"{version} is the first text of the method: all of it is new."
    lines: list[str] = []
    for file in ("methodology.yaml", "methodology.md"):
        places = [f"methodology/versions/{each}/{file}" for each in (before, version)]
        old, new = ((repository.root / place).read_text("utf-8").splitlines() for place in places)
        lines += difflib.unified_diff(old, new, places[0], places[1], lineterm="")
    text = "\n".join(lines)
    if len(text.encode()) > _LONGEST_DIFF:
        command = f"git diff --no-index methodology/versions/{before} methodology/versions/{version}"
        return f"{version} differs from {before} in {len(lines):,} lines of a diff: `{command}`."
    fence = "~" * 3
    while fence in text:
        fence += "~"
    return f"{version} in the place of {before}:\n\n{fence}diff\n{text}\n{fence}"


def _next_steps(name: str, folder: str, version: str | None) -> str:
    number = name.partition("-")[0]
    seen = f"      fairlead impact {number}        which ranks, verdicts and numbers it would change\n"
    return (
        f"Next: write {folder}/proposal.md; what is objected to, and its answer, comes last\n"
        f"{seen if version else ''}"
        f"      fairlead check {folder}\n"
        f"      git switch -c proposal-{number} && git add {folder} && git commit -m 'Propose {name}'\n"
        "      then open a pull request, write its number into `pull`, and add the event `comment`\n"
        f"      when its days of comment are over: fairlead tally {number} --open"
    )
