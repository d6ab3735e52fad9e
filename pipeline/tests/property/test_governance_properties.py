"""The laws of the count, over any electorate, any ballots and any rules; and of company groups."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fairlead import governance, model
from fairlead.governance import Count, Result, count_vote, group_heads

from .. import governance_example as board

CLASSES = st.sampled_from(["editorial", "minor", "major"])
PEOPLE = range(9)
LIVELY = settings(max_examples=200)


def elector(person: int, group: int, organisation: int, **changes: Any) -> model.Elector:
    fields: dict[str, Any] = {
        "member": f"member-{person}",
        "github": model.GitHub(login=f"login-{person}", id=person + 1),
        "organisation": f"g{group}" if organisation == 0 else f"g{group}-{organisation}",
        "group": f"g{group}",
        "delegate": True,
        "tied": False,
        "recused": (),
    }
    return model.Elector(**{**fields, **changes})


@st.composite
def electors(draw: st.DrawFn) -> model.Elector:
    """Somebody of few people, groups and organisations, so that they meet."""
    return elector(
        draw(st.sampled_from(PEOPLE)),
        draw(st.integers(0, 5)),
        draw(st.integers(0, 2)),
        delegate=draw(st.booleans()) or draw(st.booleans()),
        tied=draw(st.booleans()),
        recused=draw(st.sampled_from([(), (), (), (), (), ("G-3.1",), ("G-3.2", "G-3.4")])),
    )


def cast(person: int, choice: str, hours: float, **changes: Any) -> model.BallotVote:
    fields: dict[str, Any] = {
        "github": model.GitHub(login=f"login-{person}", id=person + 1),
        "vote": choice,
        "at": board.OPENS + dt.timedelta(hours=hours),
        "edited_at": None,
        "proposal_sha256": board.TEXT,
        "url": f"https://forge.example/{person}-{hours:g}",
    }
    return model.BallotVote(**{**fields, **changes})


@st.composite
def ballots(draw: st.DrawFn, choices: tuple[str, ...] = ("yes", "no", "abstain")) -> model.BallotVote:
    """A ballot of anybody: most of them on the text, while the vote is open, and often at the same hour; some
    early, late, edited, or on another text. More say yes than anything else, so that votes do pass."""
    hours = draw(st.sampled_from([24, 24, 48, 72, 100, 300]) | st.integers(-20, 400))
    edited = draw(st.sampled_from([None, None, None, None, 10, 400]))
    likely = ("yes", "yes", *choices) if "yes" in choices else choices
    return cast(
        draw(st.sampled_from(PEOPLE)),
        draw(st.sampled_from(likely)),
        hours,
        edited_at=None if edited is None else board.OPENS + dt.timedelta(hours=hours + edited),
        proposal_sha256=draw(st.sampled_from([board.TEXT] * 7 + ["cd" * 32])),
    )


@st.composite
def rules(draw: st.DrawFn) -> model.Rules:
    """The board's rules with smaller numbers, so that votes turn on each of them."""
    base, below = board.rules(), draw(st.integers(1, 4))
    return replace(
        base,
        ballots_min=draw(st.integers(1, 5)),
        quorum_numerator=draw(st.integers(1, 3)),
        quorum_denominator=3,
        editorial=replace(base.editorial, approvals_min=draw(st.integers(1, 3))),
        minor=replace(base.minor, yes_share_above=draw(st.sampled_from([0.5, 0.6, 0.25]))),
        major=replace(
            base.major,
            yes_share_min_numerator=draw(st.integers(1, below)),
            yes_share_min_denominator=below,
            untied_majority=draw(st.booleans()),
            yes_organisations_min=draw(st.integers(1, 4)),
        ),
    )


ELECTORATES = st.lists(electors(), min_size=8, max_size=14) | st.lists(electors(), max_size=5)
BALLOTS = st.lists(ballots(), min_size=10, max_size=25) | st.lists(ballots(), max_size=5)


def record(given_ballots: list[model.BallotVote], stated: model.Rules) -> model.Ballot:
    return model.Ballot(
        schema_version=1,
        proposal_sha256=board.TEXT,
        class_="major",
        opens=board.OPENS,
        closes=board.CLOSES,
        electorate=(),
        ballots=tuple(given_ballots),
        rules=stated,
        notes=None,
    )


def met(count: Count) -> list[tuple[str, bool | None]]:
    return [(step.rule, step.met) for step in count.steps if step.met is not None]


@LIVELY
@given(ELECTORATES, BALLOTS, rules(), CLASSES, st.randoms(use_true_random=False))
def test_the_order_of_ballots_and_of_members_is_irrelevant(
    electorate: list[model.Elector],
    cast_ballots: list[model.BallotVote],
    stated: model.Rules,
    change: Any,
    random: Any,
) -> None:
    count = count_vote(record(cast_ballots, stated), electorate, change)
    random.shuffle(electorate)
    random.shuffle(cast_ballots)
    assert count_vote(record(cast_ballots, stated), electorate, change) == count


@LIVELY
@given(ELECTORATES, BALLOTS, rules(), CLASSES)
def test_nobody_counts_twice_and_nothing_is_dropped(
    electorate: list[model.Elector], cast_ballots: list[model.BallotVote], stated: model.Rules, change: Any
) -> None:
    """Neither a person nor a company; each ballot is listed, and what does not count has a clause."""
    count = count_vote(record(cast_ballots, stated), electorate, change)
    counted = [entry for entry in count.ballots if entry.counts]
    assert len(count.ballots) == len(cast_ballots)
    assert len({entry.vote.github.id for entry in counted}) == len(counted)
    assert sorted(entry.group or "" for entry in counted) == sorted(count.votes)
    assert all(entry.rule and entry.reason for entry in count.ballots if not entry.counts)
    assert set(count.votes) <= set(count.eligible)
    for entry in counted:
        assert board.OPENS <= entry.vote.at < board.CLOSES
        assert entry.vote.proposal_sha256 == board.TEXT


@LIVELY
@given(ELECTORATES, BALLOTS, ballots(choices=("yes",)), rules(), CLASSES)
def test_adding_a_yes_never_turns_accepted_into_rejected(
    electorate: list[model.Elector],
    cast_ballots: list[model.BallotVote],
    one_more: model.BallotVote,
    stated: model.Rules,
    change: Any,
) -> None:
    """Whoever casts it, and whenever."""
    before = count_vote(record(cast_ballots, stated), electorate, change)
    after = count_vote(record([*cast_ballots, one_more], stated), electorate, change)
    assert not (before.result is Result.ACCEPTED and after.result is not Result.ACCEPTED)
    conditions = zip(met(before), met(after), strict=True)
    assert all(now or not was for (_, was), (_, now) in conditions)


@given(
    st.lists(st.sampled_from(["yes", "yes", "yes", "no", "abstain"]), max_size=8),
    st.sets(st.sampled_from(PEOPLE)),
    rules(),
    CLASSES,
)
def test_one_more_group_that_says_yes_never_undoes_a_condition(
    choices: list[str], tied: set[int], stated: model.Rules, change: Any
) -> None:
    """Where each group has one delegate and each ballot counts, so that votes do pass."""
    electorate = [elector(person, person, 0, tied=person in tied) for person in PEOPLE]
    before = [cast(person, choice, 24) for person, choice in enumerate(choices)]
    counts = [
        count_vote(record(votes, stated), electorate, change)
        for votes in (before, [*before, cast(len(choices), "yes", 48)])
    ]
    assert all(now or not was for (_, was), (_, now) in zip(*map(met, counts), strict=True))
    assert counts[0].result is not Result.ACCEPTED or counts[1].result is Result.ACCEPTED


@LIVELY
@given(ELECTORATES, BALLOTS, st.lists(ballots(), min_size=1, max_size=4), rules(), CLASSES)
def test_a_recused_vote_changes_nothing(
    electorate: list[model.Elector],
    cast_ballots: list[model.BallotVote],
    more: list[model.BallotVote],
    stated: model.Rules,
    change: Any,
) -> None:
    """A recused member's ballots are listed; the count is that of a board on which they do not sit."""
    person = more[0].github
    others = [one for one in electorate if one.github.id != person.id]
    recused = elector(person.id - 1, 3, 1, recused=("G-3.1",))
    by_them = [replace(vote, github=person) for vote in more]
    theirs = [vote for vote in cast_ballots if vote.github.id == person.id]
    rest = [vote for vote in cast_ballots if vote.github.id != person.id]
    with_them = count_vote(record([*rest, *theirs, *by_them], stated), [*others, recused], change)
    without = count_vote(record(rest, stated), others, change)
    assert with_them.votes == without.votes
    assert with_them.eligible == without.eligible
    assert with_them.result is without.result
    assert met(with_them) == met(without)


@given(ELECTORATES, BALLOTS, rules(), CLASSES)
def test_recusing_a_group_that_did_not_vote_changes_only_the_quorums_base(
    electorate: list[model.Elector], cast_ballots: list[model.BallotVote], stated: model.Rules, change: Any
) -> None:
    before = count_vote(record(cast_ballots, stated), electorate, change)
    silent = sorted(set(before.eligible) - set(before.votes))
    if not silent:
        return
    changed = [replace(one, recused=("G-3.1",)) if one.group == silent[0] else one for one in electorate]
    after = count_vote(record(cast_ballots, stated), changed, change)
    assert after.votes == before.votes
    assert set(after.eligible) == set(before.eligible) - {silent[0]}
    base = "G-4.8"
    assert [step for step in met(after) if step[0] != base] == [
        step for step in met(before) if step[0] != base
    ]


@given(ELECTORATES, BALLOTS, rules(), CLASSES, st.integers(0, len(PEOPLE) - 1))
def test_an_abstention_only_ever_helps_the_turnout(
    electorate: list[model.Elector],
    cast_ballots: list[model.BallotVote],
    stated: model.Rules,
    change: Any,
    person: int,
) -> None:
    before = count_vote(record(cast_ballots, stated), electorate, change)
    theirs = {one.github.id: one.group for one in electorate if one.delegate}
    if theirs.get(person + 1) in before.votes:
        return
    after = count_vote(record([*cast_ballots, cast(person, "abstain", 24)], stated), electorate, change)
    turnout = ("G-4.7", "G-4.8")
    assert [step for step in met(after) if step[0] not in turnout] == [
        step for step in met(before) if step[0] not in turnout
    ]
    if before.result is not Result.NO_QUORUM:
        assert after.result is before.result


@given(ELECTORATES, BALLOTS, rules())
def test_a_major_change_needs_the_untied_and_a_tie_keeps_things(
    electorate: list[model.Elector], cast_ballots: list[model.BallotVote], stated: model.Rules
) -> None:
    """Whatever else holds, an accepted major change has more yes than no among the untied groups."""
    stated = replace(stated, major=replace(stated.major, untied_majority=True))
    count = count_vote(record(cast_ballots, stated), electorate, "major")
    untied = [choice for group, choice in count.votes.items() if group not in count.tied]
    if count.result is Result.ACCEPTED:
        assert untied.count("yes") > untied.count("no")
        choices = list(count.votes.values())
        assert choices.count("yes") > choices.count("no")


# -- what becomes known --------------------------------------------------------------------------

LATE_TIES = st.lists(
    st.tuples(st.sampled_from(sorted(board.PEOPLE)), st.sampled_from(["equity", "contract", "credits"])),
    max_size=4,
)


@given(LATE_TIES, st.sets(st.sampled_from(sorted(board.PEOPLE))), st.integers(0, 3000))
def test_what_becomes_known_only_ever_takes_votes_away(
    ties: list[tuple[str, str]], voters: set[str], days: int
) -> None:
    """And however late it is counted, the same files give the same count."""
    stated = board.proposal("removal", named=("acme-cloud",))
    seated = board.seated()
    ballot = board.opened(seated, stated, board.votes(**dict.fromkeys(voters, "yes")))
    known = seated
    for name, kind in ties:
        found = board.interest(kind, "acme-cloud", amount_band=None)
        known = board.with_member(known, name, interests=(found,))
    made = board.tallied(known, ballot, stated)
    assert made.at_opening is not None
    assert made.as_known is not None
    assert set(made.as_known.eligible) <= set(made.at_opening.eligible)
    assert made.at_opening.tied <= made.as_known.tied
    assert set(made.as_known.recused) == {board.PEOPLE[name] for name, _ in ties} | {"acme-cloud"}
    later = board.tallied(known, ballot, stated, now=board.AFTER + dt.timedelta(days=days))
    assert later == made


# -- groups --------------------------------------------------------------------------------------

COMPANIES = [f"company-{place}" for place in range(6)]
STAKES = st.lists(
    st.tuples(st.sampled_from(COMPANIES), st.sampled_from(COMPANIES), st.floats(0, 1)), max_size=12
)
ON = dt.date(2026, 3, 1)


def organisations(stakes: list[tuple[str, str, float]]) -> dict[str, model.Organisation]:
    return {
        name: board.organisation(
            name,
            "other",
            *(board.owner(holder, share) for company, holder, share in stakes if company == name),
        )
        for name in COMPANIES
    }


@given(STAKES, st.randoms(use_true_random=False))
def test_groups_are_a_partition_that_no_order_changes(
    stakes: list[tuple[str, str, float]], random: Any
) -> None:
    heads = group_heads(organisations(stakes), 0.5, ON)
    assert set(heads) == set(COMPANIES)
    assert all(heads[head] == head for head in heads.values())
    random.shuffle(stakes)
    assert group_heads(dict(reversed(organisations(stakes).items())), 0.5, ON) == heads


@given(STAKES)
def test_whoever_holds_more_than_the_share_is_of_one_group(stakes: list[tuple[str, str, float]]) -> None:
    """Directly; and who holds nothing of anybody, and is held by nobody, stays alone."""
    heads = group_heads(organisations(stakes), 0.5, ON)
    touched = {name for company, holder, _ in stakes for name in (company, holder) if company != holder}
    for company, holder, share in stakes:
        if share > 0.5 and company != holder:
            assert heads[company] == heads[holder]
    assert all(heads[name] == name for name in COMPANIES if name not in touched)


@given(BALLOTS, rules(), CLASSES)
def test_a_tally_is_plain_data_for_any_vote(
    cast_ballots: list[model.BallotVote], stated: model.Rules, change: Any
) -> None:
    """Whatever was cast by whomever, there is an outcome, and each condition of it is said."""
    seated = board.seated()
    ballot = board.opened(seated, board.proposal(), cast_ballots, change)
    made = board.tallied(seated, ballot)
    assert governance.tally_data(made)["outcome"] == str(made.outcome)
    assert made.as_known is not None
    assert all(step.text.endswith((".", "why not.")) for step in made.as_known.steps)
