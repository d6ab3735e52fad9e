"""Seats, groups, ties and the own house, each by its clause of the charter."""

from __future__ import annotations

import ast
import datetime as dt
import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fairlead import governance, model
from fairlead.governance import Register, SeatState

from . import governance_example as board
from .governance_example import day, interest, job, organisation, owner, register, seated, with_member
from .governance_example import with_organisation as with_org

TESTS = Path(__file__).parent
CHARTER = TESTS.parents[1] / "methodology" / "governance" / "charter.md"
ACME, FJORD = "acme-cloud", "fjord-university"
ON = day("2026-03-01")
AT = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def having(base: Register, **changes: Any) -> Register:
    """The board with other fields of its register."""
    return Register(**{**board._fields(base), **changes})


def seat(held: Register, name: str, on: dt.date = ON) -> governance.Seat:
    return next(seat for seat in governance.seats_at(held, on) if seat.member == name)


def speaking(held: Register, on: dt.date = ON) -> set[str]:
    return {seat.member for seat in governance.seats_at(held, on) if seat.speaks}


def provider_rules(held: Register, name: str, company: str = ACME) -> set[str]:
    """By which rules a member must recuse from a provider's rows."""
    about = (governance.Matter("provider", company, (company,)),)
    return {
        tie.rule
        for found in governance.conflicts(held, about, AT)
        if found.member == name
        for tie in found.ties
    }


# -- the founding state --------------------------------------------------------------------------


def test_an_empty_board_is_founding_and_says_what_it_lacks() -> None:
    """Nobody is invented: no elector, no delegate, and every condition is named."""
    empty = register(())
    assert governance.electors_at(empty, AT) == ()
    assert governance.founding_at(empty, AT).gaps == (
        "0 of 5 voters are seated.",
        "0 of 3 organisations have a voter.",
        "0 of them are without ties to a provider, 50 % must be.",
    )


def test_founding_ends_at_exactly_its_numbers() -> None:
    """Five voters of three groups, of which half are untied; one less of any is founding still."""
    assert not governance.founding_at(register(("ada", "bo", "cy", "dan", "eve", "fay")), AT).gaps
    assert len(governance.founding_at(register(("ada", "bo", "dan", "eve")), AT).gaps) == 1
    vendors = register(("ada", "bo", "dan", "eve", "fay"))
    assert governance.founding_at(vendors, AT).gaps == (
        "2 of them are without ties to a provider, 50 % must be.",
    )


def test_after_a_first_vote_a_share_of_ties_does_not_bring_the_founding_back() -> None:
    """Hiring delegates cannot stop the board; but one without any untied group cannot vote."""
    assert not governance.founding_at(seated(), AT).gaps
    bought = seated()
    for name in board.UNTIED:
        bought = with_member(bought, name, interests=(interest("contract", ACME),))
    assert governance.founding_at(bought, AT).gaps == ("None of them is without ties to a provider.",)
    few = having(seated(), members={"ada": seated().members["ada"]})
    assert len(governance.founding_at(few, AT).gaps) == 2


# -- seats ---------------------------------------------------------------------------------------


def test_a_seat_holds_from_its_first_day_to_its_last() -> None:
    """Both days included."""
    days = {"2025-12-31": "waiting", "2026-01-01": "seated", "2028-01-01": "seated", "2028-01-02": "ended"}
    for text, state in days.items():
        assert seat(register(), "ada", day(text)).state == state


def test_a_change_of_job_ends_the_vote_at_once_and_the_seat_after_the_cure() -> None:
    """From the day after the last one the delegate is none; thirty days later the seat rests."""
    jobs = (job(FJORD, until="2026-02-10"), job(ACME, "2026-02-11"))
    moved = with_member(register(), "ada", employment=jobs)
    last, first, end, over = (day(text) for text in ("2026-02-10", "2026-02-11", "2026-03-12", "2026-03-13"))
    assert "ada" in speaking(moved, last)
    assert "ada" not in speaking(moved, first)
    assert seat(moved, "ada", first).state is SeatState.CURE
    assert seat(moved, "ada", first).group == ACME
    assert seat(moved, "ada", end).state is SeatState.CURE
    assert (seat(moved, "ada", over).state, seat(moved, "ada", over).rule) == (SeatState.RESTS, "G-2.6")
    assert "ada" not in {
        elector.member for elector in governance.electors_at(moved, AT + dt.timedelta(days=12))
    }


def test_a_change_of_job_that_was_put_in_order_keeps_the_seat() -> None:
    """With the new employer's delegation, or with none, the seat is plainly held."""
    jobs = (job(FJORD, until="2026-02-10"), job("hill-university", "2026-02-11"))
    moved = with_member(register(), "ada", employment=jobs, delegate_of=None)
    assert seat(moved, "ada").state is SeatState.SEATED
    assert not seat(moved, "ada").speaks
    both = (job(FJORD), job("hill-university", "2026-02-11"))
    assert seat(with_member(register(), "ada", employment=both, delegate_of=None), "ada").group == (
        "hill-university"
    )
    assert seat(with_member(register(), "ada", employment=both), "ada").group == FJORD


def test_a_group_has_no_more_seats_than_the_cap() -> None:
    """Of three that were seated for one group the last rests, from its first day."""
    held = with_member(register(), "ivy", employer=FJORD, delegate_of=None, seated=day("2026-02-01"))
    held = with_member(held, "joe", employer=FJORD, delegate_of=None, seated=day("2026-02-02"))
    states = {name: seat(held, name).state for name in ("ada", "ivy", "joe")}
    assert states == {"ada": "seated", "ivy": "seated", "joe": "rests"}
    assert seat(held, "joe").rule == "G-2.5"


@pytest.mark.parametrize("how", ["merger", "job"])
def test_what_a_change_brought_above_the_cap_has_a_cure_period(how: str) -> None:
    """After a merger, or a change of job, all keep their seats for thirty days."""
    held = with_member(register(), "ivy", employer=FJORD, delegate_of=None)
    if how == "merger":
        hill = organisation("hill-university", "academic", owner(FJORD, 0.8, "2026-02-15"))
        held, extra = with_org(held, hill), "ivy"
    else:
        jobs = (job("hill-university", until="2026-02-14"), job(FJORD, "2026-02-15"))
        held, extra = with_member(held, "bo", employment=jobs, delegate_of=None), "ivy"
    assert seat(held, extra, day("2026-02-14")).state is SeatState.SEATED
    assert seat(held, extra, day("2026-03-17")).state is SeatState.CURE
    assert seat(held, extra, day("2026-03-18")).state is SeatState.RESTS


def test_a_group_speaks_through_its_heads_delegate() -> None:
    """Two delegates of one group: the head's, and without it the first by the organisation's id."""
    bolt = organisation("bolt-inference", "provider", owner(ACME, 0.6))
    cirrus = organisation("cirrus-ai", "provider", owner("bolt-inference", 0.6))
    held = with_org(with_org(register(), bolt), cirrus)
    assert speaking(held) & {"dan", "eve", "fay"} == {"dan"}
    headless = having(held, members={name: one for name, one in held.members.items() if name != "dan"})
    assert speaking(headless) & {"eve", "fay"} == {"eve"}


# -- groups --------------------------------------------------------------------------------------


def test_ownership_counts_through_others_taken_together() -> None:
    """Acme holds all of Bolt, and with Bolt's part more than half of Cirrus; half alone is not enough."""
    owned = {
        entry.id: entry
        for entry in (
            organisation(ACME, "provider"),
            organisation("bolt-inference", "provider", owner(ACME, 1)),
            organisation("cirrus-ai", "provider", owner(ACME, 0.3), owner("bolt-inference", 0.3)),
            organisation("dune-compute", "provider", owner(ACME, 0.5)),
            organisation("ember-labs", "provider", owner(ACME, 0.9, until="2026-02-28")),
        )
    }
    heads = governance.group_heads(owned, 0.5, ON)
    assert heads == {
        ACME: ACME,
        "bolt-inference": ACME,
        "cirrus-ai": ACME,
        "dune-compute": "dune-compute",
        "ember-labs": "ember-labs",
    }


# -- ties ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "kind", "changes"),
    [
        ("G-3.1", "employment", {}),
        ("G-3.2", "equity", {}),
        ("G-3.2", "ownership", {"until": day("2024-03-01")}),
        ("G-3.3", "contract", {"from_": None}),
        ("G-3.3", "operation", {}),
        ("G-3.4", "credits", {"amount_band": "over-1000-usd"}),
        ("G-3.4", "credits", {"amount_band": None}),
        ("G-3.4", "other", {"amount_band": "over-1000-usd"}),
        (None, "credits", {"amount_band": "up-to-1000-usd"}),
        (None, "contract", {"until": day("2024-02-29")}),
        (None, "equity", {"from_": day("2026-03-02")}),
    ],
)
def test_an_interest_recuses_by_its_clause(rule: str | None, kind: str, changes: dict[str, Any]) -> None:
    """For as long as it lasts and 24 months after; what is not disclosed counts."""
    held = with_member(
        register(), "ada", interests=(interest(kind, ACME, **{"from_": day("2024-01-01"), **changes}),)
    )
    assert provider_rules(held, "ada") == ({rule} if rule else set())
    assert provider_rules(held, "bo") == set()


def test_a_former_employer_binds_for_two_years() -> None:
    """Employment is read from the member's own history, too."""
    for until, rules in (("2024-03-01", {"G-3.1"}), ("2024-02-29", set())):
        jobs = (job(ACME, until=until), job(FJORD, "2024-04-01"))
        assert provider_rules(with_member(register(), "ada", employment=jobs), "ada") == rules


def test_an_interest_in_a_subsidiary_is_one_in_its_group() -> None:
    """The named company's group is what counts."""
    sub = organisation("acme-labs", "other", owner(ACME, 1))
    held = with_org(register(), sub)
    assert provider_rules(with_member(held, "ada", interests=(interest("equity", "acme-labs"),)), "ada") == {
        "G-3.2"
    }


def test_an_organisations_ties_are_its_delegates() -> None:
    """A share that the university holds, and a contract that only the provider stated."""
    part = organisation(ACME, "provider", owner(FJORD, 0.01))
    assert provider_rules(with_org(register(), part), "ada") == {"G-3.5"}
    stated = board.provider(ACME, interests=(interest("contract", FJORD),))
    assert provider_rules(having(register(), providers={ACME: stated}), "ada") == {"G-3.5"}


def test_a_methodology_names_nobody_and_a_removal_does() -> None:
    """On a method a tied member votes; on a removal of the company it is tied to, not."""
    removal = board.proposal("removal", named=(ACME,))
    for stated, recused in ((board.proposal(named=(ACME,)), ()), (removal, ("G-3.1", "G-3.5"))):
        ballot = board.opened(seated(), stated, ())
        (dan,) = (elector for elector in ballot.electorate if elector.member == "dan")
        assert dan.recused == recused
        assert dan.tied


# -- the own house ---------------------------------------------------------------


def custodian(**changes: Any) -> model.Custodian:
    fields: dict[str, Any] = {
        "right": "admin",
        "holder": None,
        "organisation": ACME,
        "from_": day("2025-01-01"),
        "until": None,
        "source": "The settings of the forge.",
        "notes": None,
    }
    return model.Custodian(**{**fields, **changes})


def gift(from_: str, amount_usd: float, on: str = "2026-01-01") -> model.FundingEntry:
    return model.FundingEntry(
        date=day(on), from_=from_, kind="money", amount_usd=amount_usd, purpose="A gift.", source="A book."
    )


def test_whoever_holds_the_keys_is_not_ranked_and_neither_is_its_group() -> None:
    """The whole group, with the reason and its clause; for thirty days after the right has ended."""
    bolt = organisation("bolt-inference", "provider", owner(ACME, 0.6))
    held = with_org(having(register(), custody=(custodian(),)), bolt)
    assert set(governance.withheld(held, AT)) == {ACME, "bolt-inference"}
    assert "(G-6.1)" in governance.withheld(held, AT)[ACME][0]
    for until, still in (("2026-01-30", True), ("2026-01-29", False)):
        ended = having(register(), custody=(custodian(until=day(until)),))
        assert (ACME in governance.withheld(ended, AT)) is still


def test_the_employer_of_an_administrator_is_the_own_house() -> None:
    """Also where the register of custody names another organisation, or has not heard of the new job."""
    ada = register().members["ada"]
    entry = custodian(organisation=FJORD, holder=ada.github)
    jobs = (job(FJORD, until="2026-02-10"), job(ACME, "2026-02-11"))
    held = with_member(having(register(), custody=(entry,)), "ada", employment=jobs)
    assert set(governance.withheld(held, AT)) == {ACME}
    assert {hold.group for hold in governance.own_house(held, AT)} == {ACME, FJORD}


def test_a_vantages_operator_is_the_own_house() -> None:
    """The runner stands there."""
    vantage = model.Vantage(id="north", name="North", region=None, network=None, operator=ACME, notes=None)
    assert set(governance.withheld(having(register(), vantages={"north": vantage}), AT)) == {ACME}


def test_more_than_a_quarter_of_the_funding_is_too_much() -> None:
    """By group, within the months of the rules; exactly a quarter is not more."""
    bolt = organisation("bolt-inference", "provider", owner(ACME, 0.6))
    given = (gift(ACME, 20), gift("bolt-inference", 5), gift(FJORD, 75))
    held = with_org(having(register(), funding=given), bolt)
    assert governance.funding_shares(held, ON) == {FJORD: 0.75, ACME: 0.25}
    assert governance.withheld(held, AT) == {}
    more = having(held, funding=(*given, gift(ACME, 1)))
    assert set(governance.withheld(more, AT)) == {ACME, "bolt-inference"}
    assert governance.withheld(having(more, funding=(*given, gift(ACME, 1, "2024-02-29"))), AT) == {}


def test_a_provider_that_does_not_say_whose_it_is_may_be_the_own_house() -> None:
    """While somebody holds rights over the board, silence is no way to a rank."""
    silent = board.provider("quiet", organisation=None)
    held = having(register(), providers={"quiet": silent}, custody=(custodian(),))
    assert set(governance.withheld(held, AT)) == {"quiet"}
    assert governance.withheld(having(held, custody=()), AT) == {}


# -- the text of a proposal ----------------------------------------------------------------------


def test_a_digest_is_of_the_text_and_not_of_what_became_of_it() -> None:
    """An event changes nothing; a title, a named company or one byte of any file does."""
    stated, files = board.proposal(), {"proposal.md": b"Text.\n"}
    digest = governance.proposal_digest(stated, files)
    later = replace(stated, events=(*stated.events, board.event("accepted", AT)))
    assert governance.proposal_digest(later, files) == digest
    others = [
        governance.proposal_digest(replace(stated, title="Another"), files),
        governance.proposal_digest(replace(stated, named=(ACME,)), files),
        governance.proposal_digest(stated, {"proposal.md": b"Text!\n"}),
        governance.proposal_digest(stated, {**files, "rules.yaml": b""}),
        governance.proposal_digest(stated, {"proposal2.md": b"Text.\n"}),
    ]
    assert len({digest, *others}) == 6


@pytest.mark.parametrize(
    ("kind", "version", "computed", "least"),
    [
        ("rules", None, "editorial", "major"),
        ("charter", None, None, "major"),
        ("admission", None, "minor", "major"),
        ("removal", None, None, "major"),
        ("methodology", "1.0.0", None, "major"),
        ("methodology", "1.0.0", "minor", "minor"),
        ("editorial", "1.0.0", None, "major"),
        ("editorial", None, None, None),
        ("editorial", None, "editorial", "editorial"),
    ],
)
def test_the_class_is_the_kinds_or_the_computed_one(
    kind: str, version: str | None, computed: Any, least: str | None
) -> None:
    """What nobody computed is major where it changes the method."""
    assert governance.required_class(board.proposal(kind, methodology_version=version), computed) == least


# -- the charter's clauses -----------------------------------------------------------------------

_CASES = "test_governance_tally.py::test_a_worked_case_says_exactly_this"
_LAWS = "property/test_governance_properties.py::"
PROOFS = {
    "G-1.1": "test_governance.py::test_founding_ends_at_exactly_its_numbers",
    "G-1.2": _CASES,
    "G-1.3": "test_governance.py::test_an_empty_board_is_founding_and_says_what_it_lacks",
    "G-1.4": "test_governance.py::test_after_a_first_vote_a_share_of_ties_does_not_bring_the_founding_back",
    "G-2.2": _LAWS + "test_nobody_counts_twice_and_nothing_is_dropped",
    "G-2.3": "test_governance.py::test_a_group_speaks_through_its_heads_delegate",
    "G-2.4": "test_governance.py::test_a_seat_holds_from_its_first_day_to_its_last",
    "G-2.5": "test_governance.py::test_a_group_has_no_more_seats_than_the_cap",
    "G-2.6": "test_governance.py::test_a_change_of_job_ends_the_vote_at_once_and_the_seat_after_the_cure",
    "G-3.1": "test_governance.py::test_a_former_employer_binds_for_two_years",
    "G-3.2": "test_governance.py::test_an_interest_recuses_by_its_clause",
    "G-3.3": "test_governance.py::test_an_interest_recuses_by_its_clause",
    "G-3.4": "test_governance.py::test_an_interest_recuses_by_its_clause",
    "G-3.5": "test_governance.py::test_an_organisations_ties_are_its_delegates",
    "G-3.6": "test_governance.py::test_an_interest_recuses_by_its_clause",
    "G-3.7": "test_governance.py::test_a_methodology_names_nobody_and_a_removal_does",
    "G-3.8": _LAWS + "test_what_becomes_known_only_ever_takes_votes_away",
    "G-4.1": "test_governance.py::test_the_class_is_the_kinds_or_the_computed_one",
    "G-4.2": _CASES,
    "G-4.3": _CASES,
    "G-4.4": _CASES,
    "G-4.5": _LAWS + "test_a_major_change_needs_the_untied_and_a_tie_keeps_things",
    "G-4.6": _CASES,
    "G-4.7": _CASES,
    "G-4.8": _LAWS + "test_recusing_a_group_that_did_not_vote_changes_only_the_quorums_base",
    "G-4.9": _LAWS + "test_a_major_change_needs_the_untied_and_a_tie_keeps_things",
    "G-4.10": "test_voting.py::test_a_text_that_answers_no_objection_is_not_put_to_the_vote",
    "G-5.1": _CASES,
    "G-5.2": _CASES,
    "G-5.3": "test_governance.py::test_a_digest_is_of_the_text_and_not_of_what_became_of_it",
    "G-5.4": "test_governance_tally.py::test_the_rules_of_the_opening_count_for_ever",
    "G-5.5": _LAWS + "test_nobody_counts_twice_and_nothing_is_dropped",
    "G-5.6": _CASES,
    "G-6.1": "test_governance.py::test_whoever_holds_the_keys_is_not_ranked_and_neither_is_its_group",
    "G-6.2": "test_governance.py::test_more_than_a_quarter_of_the_funding_is_too_much",
    "G-8.2": "test_rerunning.py::test_who_may_not_start_a_rerun_is_told_why",
    "G-7.1": "test_life.py::test_a_suspension_unranks_alters_nothing_and_ends",
}
# Duties of people, and what no program counts yet.
NOT_PROVED = {"G-2.1", "G-7.2", "G-8.1"}


def test_every_clause_of_the_charter_names_its_proof() -> None:
    """And no proof is of a clause that is gone; what the program cites is a clause."""
    clauses = re.findall(r"^\*\*(G-\d+\.\d+)\*\*", CHARTER.read_text(), re.MULTILINE)
    assert len(clauses) == len(set(clauses))
    assert set(clauses) == PROOFS.keys() | NOT_PROVED
    package = Path(governance.__file__).parent
    cited = {
        clause for file in package.glob("*.py") for clause in re.findall(r"G-\d+\.\d+", file.read_text())
    }
    assert cited <= set(clauses)


@pytest.mark.parametrize("clause", PROOFS)
def test_a_clauses_proof_is_a_test_that_is_there(clause: str) -> None:
    """Its name is the name of a test."""
    module, _, name = PROOFS[clause].partition("::")
    tree = ast.parse((TESTS / module).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
