"""The commands that say what a change of the method does, and who must recuse."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairlead.cli.common import (
    EXIT_PROBLEMS,
    as_json_too,
    complain,
    find_root,
    in_root,
    load,
    now,
    results_cache,
    stop_at,
)
from fairlead.cli.completing import complete_proposal, complete_provider

if TYPE_CHECKING:
    import datetime as dt

    from fairlead.governance import Register
    from fairlead.repository import Repository


@click.command()
@click.argument("proposal", required=False, shell_complete=complete_proposal)
@click.option("--base", metavar="REF", help="What was changed since this git ref, as a pull request's base.")
@as_json_too
@in_root
def impact(proposal: str | None, base: str | None, as_json: bool, root_option: Path | None) -> None:
    """Say which ranks, verdicts and numbers a change of the method would change, and who is tied to whom.

    Give a PROPOSAL, by its folder's name or its number, or --base REF for the files as they are. The class of
    the change follows from it: a vote on a lower one is void. Nothing is written.
    """
    from fairlead import history, impact
    from fairlead.evidence import load_evidence
    from fairlead.repository import TOP_FOLDERS

    if (proposal is None) == (base is None):
        raise click.UsageError("give either a PROPOSAL or --base REF")
    root, moment = find_root(root_option), now()
    repository, cache = load(root, results_cache(root, "documents")), results_cache(root, "windows")
    name = proposal_name(repository, proposal) if proposal is not None else None
    past = history.open_base(root, base, TOP_FOLDERS) if base is not None else None
    if base is not None and past is None:
        raise click.UsageError(f"{root} is not under git, so nothing is known of {base}")
    evidence, problems = load_evidence(repository, cache)
    stop_at(problems)
    if past is not None:
        found = impact.impacts_since(repository, past, evidence, moment, cache)
    else:
        assert name is not None
        one = impact.impact_of_proposal(repository, name, evidence, moment, cache)
        if one is None:
            change, reason = impact.unscored(repository.proposals[name])
            stated = {**impact.impact_data((), {}), "class": change, "reason": reason}
            show(stated if as_json else f"{reason}\n", moment)
            return
        found = (one,)
    concerned = sorted({provider for each in found for provider in each.providers})
    ties = impact.ties_of(repository, concerned, moment)
    show(impact.impact_data(found, ties) if as_json else impact.impact_text(found, ties), moment)


def show(what: str | dict[str, Any], moment: dt.datetime) -> None:
    """Text as it is; data with its envelope."""
    if isinstance(what, str):
        click.echo(what, nl=False)
        return
    envelope = {"schema_version": 1, "generated_at": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}
    click.echo(json.dumps({**envelope, **what}, indent=2))


@click.command()
@click.option("--person", help="A member: the id, the GitHub login or its number.")
@click.option(
    "--provider", shell_complete=complete_provider, help="What this provider's rows and disputes are about."
)
@click.option(
    "--proposal",
    shell_complete=complete_proposal,
    help="What this proposal names; its folder's name or its number.",
)
@as_json_too
@in_root
def conflicts(
    person: str | None, provider: str | None, proposal: str | None, as_json: bool, root_option: Path | None
) -> None:
    """Say who must recuse from what, and by which clause of the charter."""
    from fairlead import governance
    from fairlead.governance import words

    repository, moment = load(find_root(root_option)), now()
    register = register_in(repository)
    about = governance.matters(register, repository.proposals)
    chosen = set[tuple[str, str]]()
    if provider is not None:
        chosen.add(("provider", _one_of("provider", provider, repository.providers)))
    if proposal is not None:
        chosen.add(("proposal", proposal_name(repository, proposal)))
    about = tuple(
        matter
        for matter in about
        if ((matter.kind, matter.name) in chosen if chosen else not matter.is_decided)
    )
    found = governance.conflicts(register, about, moment)
    seats = governance.seats_at(register, governance.day_of(moment))
    if person is not None:
        member = _member(register, person)
        found = tuple(conflict for conflict in found if conflict.member == member)
        seats = tuple(seat for seat in seats if seat.member == member)
    if as_json:
        show({"conflicts": governance.conflicts_data(found)}, moment)
        return
    stated = repository.proposals.get(proposal_name(repository, proposal)) if proposal is not None else None
    if stated is not None and stated.kind not in governance.NAMING_KINDS:
        tied = [each.member for each in governance.electors_at(register, moment) if each.tied]
        named = proposal_name(repository, proposal or "")
        click.echo(words.no_recusal_text(named, stated.kind, tied), nl=False)
        if provider is None:
            return
    click.echo(words.conflicts_text(register, found, seats, about, f"{moment:%Y-%m-%d}"), nl=False)


def register_in(repository: Repository) -> Register:
    """The register, or the end: without rules nothing can be counted."""
    from fairlead.governance import register_of
    from fairlead.repository import RULES_PATH

    register = register_of(repository)
    if register is None:
        complain(f"there is no {RULES_PATH}, so nothing can be counted", "add the file")
        raise click.exceptions.Exit(EXIT_PROBLEMS)
    return register


def proposal_name(repository: Repository, text: str) -> str:
    """A proposal by its folder's name or its number."""
    numbered = [name for name in repository.proposals if name.partition("-")[0] == text.zfill(4)]
    return numbered[0] if len(numbered) == 1 else _one_of("proposal", text, repository.proposals)


def _member(register: Register, text: str) -> str:
    """A member by id, login or number."""
    for name, member in register.members.items():
        if text in (member.github.login, str(member.github.id)):
            return name
    return _one_of("member", text, register.members)


def _one_of(what: str, name: str, known: Iterable[str]) -> str:
    """The name, or the end with the nearest one that there is."""
    from fairlead.problems import nearest

    names = tuple(known)
    if name in names:
        return name
    meant = nearest(name, names)
    near = f"; did you mean {meant}?" if meant else ""
    raise click.UsageError(f"no {what} {name!r}{near}" if names else f"there is no {what} in this root")
