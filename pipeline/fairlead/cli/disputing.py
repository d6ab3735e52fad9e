"""The command that opens a dispute: it asks, appends one event, and says the next step."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairlead.cli.common import (
    EXIT_PROBLEMS,
    Commands,
    ask,
    board_rows,
    complain,
    find_root,
    github_account,
    in_root,
    load,
    named_row,
    now,
    stop_at,
)

if TYPE_CHECKING:
    from fairlead.model import GitHub
    from fairlead.ranking import Row
    from fairlead.repository import Repository

_INTERESTS = ("employment", "equity", "ownership", "contract", "credits", "operation", "other")


@click.group(cls=Commands)
def new() -> None:
    """Begin something: write it whole, and say the next step."""


@new.command()
@click.option("--row", help="The row that is disputed, as `fairlead rank --json` names it.")
@click.option(
    "--folder", help="Where it is disputed: PROVIDER/SUBMISSION or neutral/ROUNDS. Without --row, all of it."
)
@click.option("--rule", help="What was broken: a rule as WIN012 or a clause of the method as M-3.1.")
@click.option("--reason", help="What is wrong, in your words.")
@click.option("--evidence", multiple=True, help="Where anybody can look it up. May be repeated.")
@click.option("--by", "by", metavar="LOGIN:ID", help="Who disputes.")
@click.option(
    "--interest",
    "interests",
    multiple=True,
    metavar="KIND:ORGANISATION",
    help=f"What ties you to an organisation: {', '.join(_INTERESTS)}. May be repeated.",
)
@click.option("--no-interest", is_flag=True, help="State that you have none.")
@click.option(
    "--figure", help="A claimed figure that the claim's own raw windows do not give; they are read to say so."
)
@in_root
def dispute(
    row: str | None,
    folder: str | None,
    rule: str | None,
    reason: str | None,
    evidence: tuple[str, ...],
    by: str | None,
    interests: tuple[str, ...],
    no_interest: bool,
    figure: str | None,
    root_option: Path | None,
) -> None:
    """Dispute a row, or all that a folder holds: append the event to its history."""
    if interests and no_interest:
        raise click.UsageError("--interest and --no-interest contradict each other")
    repository, moment = load(find_root(root_option)), now().replace(microsecond=0)
    person = github_account(ask(by, "--by", "Who disputes (LOGIN:ID)"))
    _refuse_too_many(repository, person, moment)
    found = named_row(board_rows(repository, moment), row) if row is not None else None
    where = _folder(repository, found, folder)
    _refuse_ended(repository, where, moment)
    case: dict[str, Any] = {
        "rule": _rule(repository, ask(rule, "--rule", "Which rule or clause was broken")),
        "row": found.id if found is not None else None,
        "evidence": list(evidence) or [ask(None, "--evidence", "Where can it be looked up")],
        "figure": _figure(repository, where, found, figure),
        "interests": _interests(repository, interests, is_none=no_interest),
    }
    history = repository.histories.get(where)
    number = 1 + sum(event.kind == "disputed" for event in history.events) if history else 1
    event: dict[str, Any] = {
        "kind": "disputed",
        "at": f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}",
        "by": {"login": person.login, "id": person.id},
        "reason": ask(reason, "--reason", "What is wrong"),
        "link": None,
        "dispute": number,
        "approvals": [],
        "superseded_by": None,
        "case": case,
    }
    _write(repository, where, number, event, moment)


def _refuse_too_many(repository: Repository, person: GitHub, moment: dt.datetime) -> None:
    from fairlead.life import lives_of, open_disputes

    rules = repository.rules
    if rules is None:
        raise click.UsageError("this root has no methodology/governance/rules.yaml, so no dispute can run")
    mine = open_disputes(lives_of(repository, moment).values()).get(person.id, [])
    if len(mine) >= rules.disputes.open_per_person_max:
        names = ", ".join(dispute.id for dispute in mine)
        complain(
            f"{person.login} has {len(mine)} disputes open already: {names}", "wait until one is decided"
        )
        raise click.exceptions.Exit(EXIT_PROBLEMS)


def _refuse_ended(repository: Repository, folder: str, moment: dt.datetime) -> None:
    from fairlead.life import end_words, life_of

    found = life_of(folder, repository.histories.get(folder), repository.rules, now=moment)
    if found.ended is not None:
        complain(f"{folder} was {end_words(found)}", "dispute what took its place, if anything did")
        raise click.exceptions.Exit(EXIT_PROBLEMS)


def _folder(repository: Repository, row: Row | None, named: str | None) -> str:
    """The folder whose history it belongs to; of a row the one with its newest window."""
    import difflib

    from fairlead.life import folders_of, is_neutral

    known = [*repository.submissions, *(f"neutral/{name}" for name in repository.rounds)]
    if row is not None:
        known = folders_of(row)
        # Where both speak of a neutral row, the board's own rounds come before a rerun in somebody's claim.
        known.sort(key=lambda name: is_neutral(name) and row.origin == "neutral")
    if named is None:
        if row is None:
            raise click.UsageError("missing --row or --folder: what is disputed?")
        return known[-1]
    name = named.rstrip("/").removeprefix("submissions/")
    if name not in known:
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.3) or sorted(known)[:3]
        hint = f"; did you mean: {', '.join(close)}" if close else ""
        where = "the row rests on no folder" if row is not None else "no folder"
        raise click.UsageError(f"{where} {name!r}{hint}")
    return name


def _rule(repository: Repository, name: str) -> str:
    from fairlead.checks.life import clauses_of
    from fairlead.problems import nearest
    from fairlead.rules import RULES

    known = {*RULES, *clauses_of(repository)}
    if name in known:
        return name
    meant = nearest(name, known)
    raise click.UsageError(f"no rule or clause {name!r}" + (f"; did you mean {meant}?" if meant else ""))


def _figure(
    repository: Repository, folder: str, row: Row | None, name: str | None
) -> dict[str, str | float] | None:
    """The claimed value and the one that the claim's own windows give, which differ."""
    from fairlead.life import bears_out, figures_of
    from fairlead.model import DisputedFigure
    from fairlead.ranking import Origin

    if name is None:
        return None
    submission = repository.submissions.get(folder)
    if row is None or row.origin is not Origin.CLAIM or submission is None:
        raise click.UsageError("--figure needs the --row of a claim")
    place = (row.family.model, row.family.scenario, row.endpoint)
    claims = {c.metric: c.value for c in submission.claims if (c.model, c.scenario, c.endpoint) == place}
    if name not in claims:
        raise click.UsageError(
            f"no figure {name!r} is claimed there; there are: {', '.join(claims) or 'none'}"
        )
    value = figures_of(repository, [row])(folder, row.id, name)
    if value is None or not bears_out(DisputedFigure(name, claimed=claims[name], recomputed=value), value):
        given = "no value" if value is None else f"{value:.6g}"
        raise click.UsageError(f"{name}: claimed {claims[name]:.6g}, and the raw windows give {given}")
    return {"metric": name, "claimed": claims[name], "recomputed": value}


def _interests(
    repository: Repository, stated: tuple[str, ...], *, is_none: bool
) -> list[dict[str, str | None]] | None:
    """What was stated; [] where it is none, None where nothing was said."""
    from fairlead.problems import nearest

    found: list[dict[str, str | None]] = []
    for text in stated:
        kind, _, party = text.partition(":")
        if kind not in _INTERESTS or not party:
            raise click.UsageError(f"--interest {text!r}: write KIND:ORGANISATION, as in employment:acme")
        if party not in repository.organisations:
            meant = nearest(party, repository.organisations)
            hint = f"; did you mean {meant}?" if meant else ""
            raise click.UsageError(f"no organisation {party!r} in organisations.yaml{hint}")
        rest = dict.fromkeys(("amount_band", "from", "until"))
        found.append(
            {"kind": kind, "party": party, **rest, "source": "Stated with the dispute.", "notes": None}
        )
    return found if stated or is_none else None


def _write(
    repository: Repository, folder: str, number: int, event: dict[str, Any], moment: dt.datetime
) -> None:
    """Append the event if it has the form of one; say where it is, and the next step."""
    from fairlead import life, scaffold
    from fairlead.repository import FileKind, canonical_text, read_value

    path = f"submissions/{folder}/history.yaml"
    text = canonical_text("history", {"schema_version": 1, "events": [event]})
    _, problems = read_value(text.encode(), "the new event", FileKind.HISTORY)
    stop_at(problems)
    stop_at(scaffold.append_event(repository.root, folder, event).problems)
    click.echo(path)
    days = repository.rules.disputes.answer_days if repository.rules else 0
    due = life.deadline_words(moment + dt.timedelta(days=days), moment)
    click.echo(
        f"Dispute {folder}/{number}: the answer will be due {due}, and no rank moves before.\n"
        f"Next: git switch -c dispute-{folder.replace('/', '-')}-{number}\n"
        f"      git add {path}\n"
        f'      git commit -m "Dispute {folder}"\n'
        "      then open a pull request, and write its address into `link` before it is merged:\n"
        "      from then on the dispute is shown, and its event stays as it is",
        err=True,
    )
