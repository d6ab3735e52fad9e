"""What became of registered runs: the states, and where they are published."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.deliveries import State, deliveries_of, missing_windows
from fairlead.evidence import load_evidence
from fairlead.publish.api import schema
from fairlead.publish.edition import Edition
from fairlead.publish.site import render_files
from fairlead.ranking import build_rows
from fairlead.repository import Repository, load_repository

from . import roots

CLAIM = roots.CLAIM.removeprefix("submissions/")
NEXT = "acme/2026-03-30-next"


def load(root: Path) -> Repository:
    repository, problems = load_repository(root)
    assert not problems
    return repository


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """One delivered run, one yet to come, both due by 12 March 2026."""
    root = roots.build_root(tmp_path_factory.mktemp("root"))
    roots.next_registration(root)
    return load(root)


def states(repository: Repository, now: dt.datetime) -> dict[str, str]:
    found = deliveries_of(repository.registrations, repository.submissions, now)
    return {one.submission: one.words for one in found}


def test_a_run_is_due_on_its_last_day_and_never_delivered_on_the_next(repository: Repository) -> None:
    """The deadline is a day in UTC, and the whole of it is given."""
    last = dt.datetime(2026, 3, 12, 23, 59, 59, tzinfo=dt.UTC)
    assert states(repository, last) == {CLAIM: "delivered", NEXT: "registered, due 2026-03-12"}
    second = dt.timedelta(seconds=1)
    assert states(repository, last + second) == {CLAIM: "delivered", NEXT: "never delivered"}
    west = dt.timezone(dt.timedelta(hours=-8))
    assert states(repository, (last + second).astimezone(west))[NEXT] == "never delivered"


def test_what_came_late_is_delivered_and_said_to_be_late(repository: Repository) -> None:
    """A late delivery ends the reproach, and stays visible as late."""
    submission = roots.replace(repository.submissions[CLAIM], submitted=dt.date(2026, 3, 13))
    (claim, _) = deliveries_of(repository.registrations, {CLAIM: submission}, roots.NOW)
    assert (claim.state, claim.words) == (State.DELIVERED, "delivered 2026-03-13, after its deadline")


def test_imported_results_deliver_no_plan(repository: Repository) -> None:
    """Only what was measured for a plan fulfils it."""
    submission = roots.replace(repository.submissions[CLAIM], origin="imported")
    (claim, _) = deliveries_of(repository.registrations, {CLAIM: submission}, roots.NOW)
    assert claim.state is State.NEVER_DELIVERED


@given(
    st.datetimes(dt.datetime(2020, 1, 1), dt.datetime(2030, 1, 1), timezones=st.timezones()),
    st.timedeltas(dt.timedelta(0), dt.timedelta(days=999)),
)
def test_an_undelivered_run_never_becomes_due_again(
    repository: Repository, now: dt.datetime, later: dt.timedelta
) -> None:
    """As time goes by, the state of a run without results changes once, and one way."""
    order = [State.REGISTERED, State.NEVER_DELIVERED]
    before, after = (deliveries_of(repository.registrations, {}, when) for when in (now, now + later))
    for one, other in zip(before, after, strict=True):
        assert order.index(one.state) <= order.index(other.state)
        assert (one.submission, one.due, one.planned) == (other.submission, other.due, other.planned)


@given(st.sets(st.integers(0, 1)), st.lists(st.one_of(st.none(), st.integers(2, 9))))
def test_the_missing_windows_are_the_rest_of_the_plan(
    repository: Repository, measured: set[int], others: list[int | None]
) -> None:
    """What was not planned fills no gap."""
    registration = repository.registrations[CLAIM]
    assert {*missing_windows(registration, [*measured, *others])} == {0, 1} - measured


# -- where it is published -----------------------------------------------------------------------


def publish(root: Path, now: dt.datetime = roots.NOW) -> dict[str, str]:
    repository = load(root)
    evidence, problems = load_evidence(repository)
    assert not problems
    now_unix_ns = int(now.timestamp()) * 10**9
    rows = build_rows(evidence, repository.providers, repository.methodologies, now_unix_ns=now_unix_ns)
    files, _ = render_files(Edition(repository, tuple(rows), now, None, {}))
    return files


def test_a_run_that_was_never_delivered_is_published_as_such(tmp_path: Path) -> None:
    """On the provider's page, on the page of submissions, and in the file for machines."""
    root = roots.build_root(tmp_path)
    roots.next_registration(root)
    files = publish(root)
    for page in ("providers/acme/index.md", "submissions/index.md"):
        assert files[page].count("never delivered") == 1, page
        assert "2026-03-30-next" in files[page]
        assert "fixes the plan, not honesty" in files[page]
    data = json.loads(files["api/v1/registrations.json"])
    jsonschema.validate(data, schema("registrations"))
    assert [(one["id"], one["state"], one["missing"], one["page"]) for one in data["registrations"]] == [
        (CLAIM, "delivered", [], f"submissions/{CLAIM}/"),
        (NEXT, "never delivered", None, None),
    ]
    early = publish(root, dt.datetime(2026, 3, 12, tzinfo=dt.UTC))
    assert "never delivered" not in early["providers/acme/index.md"]
    assert "registered, due 2026-03-12" in early["providers/acme/index.md"]


def test_a_run_that_was_delivered_in_part_says_which_windows_are_missing(tmp_path: Path) -> None:
    """A planned window that is not there, or that was cut off, is named by its place in the plan."""
    root = roots.build_root(tmp_path)
    page = f"submissions/{CLAIM}/index.md"
    assert "Delivered in part" not in publish(root)[page]
    roots.change_requests(root, roots.CLAIM, lambda requests: requests.pop())
    assert "of 2 planned windows, counted from 0, these are missing or cut off: 0." in publish(root)[page]
    (root / roots.window_of(root, roots.CLAIM, 1)).unlink()
    roots.reseal(root, roots.CLAIM)
    assert "of 2 planned windows, counted from 0, these are missing or cut off: 0, 1." in publish(root)[page]
