"""The commands of governance: count a vote, and say who must recuse."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairlead.cli.common import EXIT_PROBLEMS, as_json_too, complain, find_root, in_root, load, now

if TYPE_CHECKING:
    import datetime as dt

    from fairlead.governance import Register
    from fairlead.repository import Repository

_class = click.option(
    "--class",
    "computed",
    type=click.Choice(["editorial", "minor", "major"]),
    help="The class that the change was computed to have; a vote on a lower one is void.",
)


@click.command()
@click.argument("proposal")
@_class
@click.option(
    "--open",
    "is_opening",
    is_flag=True,
    help="Put it to the vote now: write down who may vote, by which rules and until when.",
)
@as_json_too
@in_root
def tally(
    proposal: str, computed: str | None, is_opening: bool, as_json: bool, root_option: Path | None
) -> None:
    """Count the vote on PROPOSAL, with every step of the count in words.

    PROPOSAL is its folder's name or its number. The result is a function of the root's files, the time and
    nothing else; SOURCE_DATE_EPOCH sets the time.
    """
    from fairlead import governance
    from fairlead.governance import words

    root, moment = find_root(root_option), now()
    repository = load(root)
    name = _proposal(repository, proposal)
    register = _register(repository)
    if is_opening:
        _open(repository, register, name, computed, moment)
        repository = load(root)
    made = governance.tally_proposal(repository, name, moment, computed)  # type: ignore[arg-type]
    assert made is not None
    if as_json:
        data = {"schema_version": 1, "generated_at": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}
        click.echo(json.dumps({**data, **governance.tally_data(made)}, indent=2))
    else:
        click.echo(words.tally_text(made), nl=False)


@click.command()
@click.option("--person", help="A member: the id, the GitHub login or its number.")
@click.option("--provider", help="What this provider's rows and disputes are about.")
@click.option("--proposal", help="What this proposal names; its folder's name or its number.")
@as_json_too
@in_root
def conflicts(
    person: str | None, provider: str | None, proposal: str | None, as_json: bool, root_option: Path | None
) -> None:
    """Say who must recuse from what, and by which clause of the charter."""
    from fairlead import governance
    from fairlead.governance import words

    repository, moment = load(find_root(root_option)), now()
    register = _register(repository)
    about = governance.matters(register, repository.proposals)
    chosen = set[tuple[str, str]]()
    if provider is not None:
        chosen.add(("provider", _one_of("provider", provider, repository.providers)))
    if proposal is not None:
        chosen.add(("proposal", _proposal(repository, proposal)))
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
        data = {"schema_version": 1, "generated_at": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}
        click.echo(json.dumps({**data, "conflicts": governance.conflicts_data(found)}, indent=2))
        return
    stated = repository.proposals.get(_proposal(repository, proposal)) if proposal is not None else None
    if stated is not None and stated.kind not in governance.NAMING_KINDS:
        tied = [each.member for each in governance.electors_at(register, moment) if each.tied]
        click.echo(words.no_recusal_text(_proposal(repository, proposal or ""), stated.kind, tied), nl=False)
        if provider is None:
            return
    click.echo(words.conflicts_text(register, found, seats, about, f"{moment:%Y-%m-%d}"), nl=False)


def _open(
    repository: Repository, register: Register, name: str, computed: str | None, moment: dt.datetime
) -> None:
    """Write the record that opens a vote, or end with the reasons why it cannot be opened."""
    import msgspec

    from fairlead import governance
    from fairlead.governance import words
    from fairlead.repository import canonical_text
    from fairlead.scaffold import write_whole

    proposal, earlier = repository.proposals[name], repository.ballots.get(name)
    sha256 = governance.text_digest(repository, name)
    if earlier is not None and earlier.proposal_sha256 == sha256:
        raise click.UsageError(f"{name} was put to the vote already, with this text")
    change = governance.required_class(proposal, computed)  # type: ignore[arg-type]
    opened, ballot = governance.put_to_vote(
        register,
        proposal,
        earlier,
        change or "editorial",
        text_sha256=sha256,
        opens=moment.replace(microsecond=0),
    )
    made = governance.tally(
        name, opened, ballot, register, text_sha256=sha256, now=ballot.opens, computed=change
    )
    unmet = [f"{step.rule}: {words.step_words(step)}" for step in made.held if step.met is False]
    if unmet:
        complain(f"{name} cannot be put to the vote yet: {' '.join(unmet)}")
        raise click.exceptions.Exit(EXIT_PROBLEMS)
    folder = repository.root / "methodology" / "proposals" / name
    for kind, value in (("ballot", ballot), ("proposal", opened)):
        text = canonical_text(kind, msgspec.to_builtins(value))
        write_whole(folder / f"{kind}.yaml", text.encode())


def _register(repository: Repository) -> Register:
    """The register, or the end: without rules nothing can be counted."""
    from fairlead.governance import register_of
    from fairlead.repository import RULES_PATH

    register = register_of(repository)
    if register is None:
        complain(f"there is no {RULES_PATH}, so nothing can be counted", "add the file")
        raise click.exceptions.Exit(EXIT_PROBLEMS)
    return register


def _proposal(repository: Repository, text: str) -> str:
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
