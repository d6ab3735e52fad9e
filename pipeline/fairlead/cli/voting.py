"""The command that opens, counts and closes votes, over GitHub or without it."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import click

from fairlead.cli.common import (
    EXIT_ENVIRONMENT,
    EXIT_PROBLEMS,
    as_json_too,
    complain,
    find_root,
    in_root,
    load,
    now,
    results_cache,
)
from fairlead.cli.completing import complete_proposal
from fairlead.cli.github import connected
from fairlead.cli.governing import proposal_name, register_in, show

if TYPE_CHECKING:
    from fairlead.github import Client, Fetched, Ignored, Merged
    from fairlead.governance import Tally
    from fairlead.history import Trail
    from fairlead.model import Ballot, Proposal
    from fairlead.repository import Repository

STATUS = "fairlead/vote"


@click.command()
@click.argument("proposal", required=False, shell_complete=complete_proposal)
@click.option(
    "--class",
    "computed",
    type=click.Choice(["editorial", "minor", "major"]),
    help="The least class to count it as, where more is known than the files say; else it is computed.",
)
@click.option(
    "--open",
    "is_opening",
    is_flag=True,
    help="Put it to the vote now: write down who may vote, by which rules and until when.",
)
@click.option(
    "--every", is_flag=True, help="Carry each proposal as far as its dates say: open, count, close its vote."
)
@click.option("--fetch", is_flag=True, help="Take the snapshot of the ballots over GitHub first.")
@click.option("--repository", "forge", metavar="OWNER/NAME", help="Where the pull requests are.")
@click.option("--pull", type=click.IntRange(1), help="The pull request, if proposal.yaml names none.")
@click.option("--status", is_flag=True, help="Say on the pull request's head how the vote stands.")
@as_json_too
@in_root
def tally(proposal: str | None, root_option: Path | None, **options: Any) -> None:
    """Count the vote on PROPOSAL, with every step of the count in words.

    PROPOSAL is its folder's name or its number. The result is a function of the root's files, the time and
    nothing else; SOURCE_DATE_EPOCH sets the time. A snapshot is written into ballot.yaml whole or not at all.
    GITHUB_TOKEN is used if it is set; --status needs it, with `statuses: write`.
    """
    root, moment = find_root(root_option), now()
    asked = Asked(**options)
    _refuse(asked, proposal)
    if proposal is None:
        _tally_every(root, moment, asked)
    else:
        _tally_one(root, moment, proposal, asked)


class Asked(NamedTuple):
    """The options of the command."""

    computed: Literal["editorial", "minor", "major"] | None
    is_opening: bool
    every: bool
    fetch: bool
    forge: str | None
    pull: int | None
    status: bool
    as_json: bool


def _refuse(asked: Asked, proposal: str | None) -> None:
    if (proposal is None) != asked.every:
        raise click.UsageError("name a proposal, or --every")
    if asked.every and (asked.is_opening or asked.pull is not None or asked.computed is not None):
        raise click.UsageError("--open, --pull and --class are about one proposal, and go without --every")
    if asked.fetch and asked.forge is None:
        raise click.UsageError("--fetch needs --repository OWNER/NAME")
    if asked.status and not asked.fetch:
        raise click.UsageError("--status needs --fetch: it speaks on the commit that was looked at")


@contextlib.contextmanager
def _forge(asked: Asked) -> Any:
    """GitHub where it is to be asked, else None."""
    if not asked.fetch:
        yield None
        return
    with connected(needs_token=asked.status) as client:
        yield client


# -- one proposal --------------------------------------------------------------------------------


def _tally_one(root: Path, moment: dt.datetime, text: str, asked: Asked) -> None:
    from fairlead import governance, impact
    from fairlead.governance import words

    repository, cache = load(root), results_cache(root, "windows")
    name = proposal_name(repository, text)
    register_in(repository)
    if asked.is_opening:
        stated = asked.computed or impact.computed_class(repository, name, moment, cache=cache)
        unmet = _open(repository, name, stated, moment, _trail(repository))
        if unmet:
            complain(f"{name} cannot be put to the vote yet: {unmet}")
            raise click.exceptions.Exit(EXIT_PROBLEMS)
        repository = load(root)
    with _forge(asked) as client:
        fetched = None
        if client is not None:
            fetched = _take_snapshot(client, repository, name, asked, _pull_of(repository, name, asked.pull))
            repository = load(root)
        made = impact.tally_proposal(repository, name, moment, least=asked.computed, cache=cache)
        assert made is not None
        if asked.status and fetched is not None:
            _post(client, asked, fetched.head_sha, made)
    if asked.as_json:
        show(governance.tally_data(made), moment)
    else:
        click.echo(words.tally_text(made), nl=False)


def _pull_of(repository: Repository, name: str, given: int | None) -> int:
    """The pull request that a proposal is voted on in."""
    recorded = repository.proposals[name].pull
    if name not in repository.ballots:
        raise click.UsageError(f"{name} was not put to the vote yet: there is nothing to record ballots in")
    if recorded is None and given is None:
        raise click.UsageError(f"{name} names no pull request: write it into proposal.yaml, or give --pull")
    if recorded is not None and given not in (None, recorded):
        raise click.UsageError(f"{name} is voted on in pull request {recorded}, not {given}")
    return recorded or given or 0


def _open(repository: Repository, name: str, computed: Any, moment: dt.datetime, trail: Trail | None) -> str:
    """Write the record that opens a vote; or write nothing, and say what it lacks."""
    from fairlead import governance
    from fairlead.governance import words

    register = register_in(repository)
    proposal, earlier = repository.proposals[name], repository.ballots.get(name)
    sha256 = governance.text_digest(repository, name)
    if earlier is not None and earlier.proposal_sha256 == sha256:
        raise click.UsageError(f"{name} was put to the vote already, with this text")
    change = governance.required_class(proposal, computed)
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
    since = _public_since(repository, trail, name, governance.first_comment(proposal), moment)
    days = register.rules.major.comment_days if change == "major" else 0
    if not unmet and since is not None and ballot.opens < since + dt.timedelta(days=days):
        text = f"What opened it for comment was not merged before {governance.minute(since)}"
        unmet.append(f"G-4.4: {text}; {days} days are prescribed. NOT met.")
    if not governance.answers_objections(repository, name):
        text = "proposal.md has no section `## Objections`, which says what was raised and what came of it."
        unmet.append(f"G-4.10: {text} NOT met.")
    if not unmet:
        _write(repository, name, ballot=ballot, proposal=opened)
    return " ".join(unmet)


def _trail(repository: Repository) -> Trail | None:
    """What became of the proposals in the merged history; None without one."""
    from fairlead import history

    tops = ("methodology/proposals",)
    return history.open_trail(repository.root, None, tops) if history.is_installed() else None


def _public_since(
    repository: Repository, trail: Trail | None, name: str, place: int | None, moment: dt.datetime
) -> dt.datetime | None:
    """Since when an event of a proposal is public, by the history; None without one."""
    from fairlead import governance

    if place is None or trail is None:
        return None
    return governance.public_since(repository, trail, name, place, moment)


def _write(repository: Repository, name: str, **values: Ballot | Proposal) -> None:
    """Write a proposal's files, by their kind; nothing if one of them were larger than a file may be."""
    import msgspec

    from fairlead.documents import MAX_BYTES
    from fairlead.history import EnvironmentProblem
    from fairlead.repository import canonical_text
    from fairlead.scaffold import write_whole

    folder = repository.root / "methodology" / "proposals" / name
    texts = {
        kind: canonical_text(kind, msgspec.to_builtins(value)).encode() for kind, value in values.items()
    }
    for kind, text in texts.items():
        if len(text) > MAX_BYTES:
            message = f"{kind}.yaml would have {len(text)} bytes, {MAX_BYTES} are allowed"
            raise EnvironmentProblem(message, "ask those who write so much to stop, and remove none of it")
    for kind, text in texts.items():
        write_whole(folder / f"{kind}.yaml", text)


# -- over GitHub ---------------------------------------------------------------------------------


def _take_snapshot(client: Client, repository: Repository, name: str, asked: Asked, pull: int) -> Fetched:
    """The pull request's ballots, in the vote's record; what is not among them is said."""
    from fairlead import github as hub
    from fairlead import governance

    def digest(read: Any) -> str:
        return hub.proposal_text(read, name, governance.proposal_digest)

    fetched = hub.fetch_votes(client, asked.forge or "", pull, digest)
    merged = hub.merge_votes(repository.ballots[name], fetched)
    if merged.ballot != repository.ballots[name]:
        _write(repository, name, ballot=merged.ballot)
    _say_snapshot(name, pull, repository.ballots[name], fetched, merged)
    return fetched


def _say_snapshot(name: str, pull: int, before: Ballot, fetched: Fetched, merged: Merged) -> None:
    """What the snapshot brought, on standard error: the count itself stands alone on standard output."""
    added = len(merged.ballot.ballots) - len(before.ballots)
    click.echo(f"{name}: pull request {pull} at {fetched.head_sha[:12]}, {added} new on record", err=True)
    dismissed = set(fetched.dismissed)
    for title, entries in (
        ("differs from what was recorded", merged.differing),
        ("is no ballot", (*fetched.ignored, *merged.strangers)),
    ):
        _say_entries(title, entries)
    for vote in merged.ballot.ballots:
        if vote.url in dismissed:
            _say_line("counts, though its review was dismissed", vote.url, vote.github.login, "")


def _say_entries(title: str, entries: Iterable[Ignored]) -> None:
    for entry in entries:
        _say_line(title, entry.url, entry.login, f": {entry.reason}")


def _say_line(title: str, url: str, login: str, more: str) -> None:
    from fairlead.problems import visible

    line = visible(f"  {title}: {url} by {login}{more}")
    click.echo(line.replace("##[", r"##\["), err=True)  # which a forge's runner would take for an order


def _post(client: Client, asked: Asked, head_sha: str, made: Tally) -> None:
    from fairlead import github as hub
    from fairlead.governance import Outcome, words

    state: Literal["failure", "pending", "success"] = "failure"
    if made.outcome in (Outcome.OPEN, Outcome.NOT_OPEN):
        state = "pending"
    elif made.outcome is Outcome.ACCEPTED:
        state = "success"
    hub.post_status(client, asked.forge or "", head_sha, state, words.status_words(made), STATUS)


# -- every proposal ------------------------------------------------------------------------------


def _tally_every(root: Path, moment: dt.datetime, asked: Asked) -> None:
    """Carry on one proposal after the other. One that cannot be read over GitHub stays as it is, and does not
    keep the others from being counted."""
    from fairlead import governance
    from fairlead.history import EnvironmentProblem

    found: list[Tally] = []
    failed = False
    repository = load(root)
    register_in(repository)
    with _forge(asked) as client:
        for name in sorted(repository.proposals):
            try:
                found += _carry_on(root, name, moment, asked, client)
            except EnvironmentProblem as problem:
                complain(f"{name}: {problem.message}", problem.fix)
                failed = True
    if asked.as_json:
        show({"proposals": [*map(governance.tally_data, found)]}, moment)
    elif not found and not failed:
        click.echo("no proposal is open for comment or for votes")
    if failed:
        raise click.exceptions.Exit(EXIT_ENVIRONMENT)


def _carry_on(
    root: Path, name: str, moment: dt.datetime, asked: Asked, client: Client | None
) -> Iterable[Tally]:
    """Open a proposal's vote, count it, close it: whatever its dates say. Nothing for one that is not in
    comment or voting."""
    from fairlead import governance, impact
    from fairlead.governance import words

    repository, cache = load(root), results_cache(root, "windows")
    proposal = repository.proposals[name]
    waits = None
    if proposal.events[-1].kind == "comment":
        waits = _open_when_due(repository, name, moment)
        repository = load(root)
    elif proposal.events[-1].kind != "voting" or name not in repository.ballots:
        return
    fetched = None
    if client is not None and waits is None and proposal.pull is not None:
        fetched = _take_snapshot(client, repository, name, asked, proposal.pull)
        repository = load(root)
    made = impact.tally_proposal(repository, name, moment, cache=cache)
    assert made is not None
    if waits is None:
        at = moment.replace(microsecond=0)
        closed = governance.close_vote(repository.proposals[name], repository.ballots[name], made, at)
        if closed is not None:
            _write(repository, name, proposal=closed)
        if asked.status and client is not None and fetched is not None:
            _post(client, asked, fetched.head_sha, made)
    if not asked.as_json:
        click.echo(f"{name}: {waits or words.status_words(made)}")
    yield made


def _open_when_due(repository: Repository, name: str, moment: dt.datetime) -> str | None:
    """Put a proposal to the vote whose days of comment are over; or say what it waits for."""
    from fairlead import governance, impact

    register, proposal = register_in(repository), repository.proposals[name]
    computed = impact.computed_class(
        repository, name, moment, cache=results_cache(repository.root, "windows")
    )
    change = governance.required_class(proposal, computed) or "editorial"
    trail = _trail(repository)
    since = _public_since(repository, trail, name, len(proposal.events) - 1, moment)
    ends = governance.comment_ends(proposal, change, register.rules, since)
    assert ends is not None
    if moment < ends:
        return f"open for comment until {governance.minute(ends)}"
    ballot = repository.ballots.get(name)
    if ballot is not None and ballot.proposal_sha256 == governance.text_digest(repository, name):
        return "open for comment, with the text that was voted on already"
    unmet = _open(repository, name, computed, moment, trail)
    return f"not put to the vote: {unmet}" if unmet else None
