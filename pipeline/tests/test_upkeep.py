"""What needs somebody's eye, and who that is."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec
import pytest

from fairlead import upkeep
from fairlead.repository import Repository, load_repository
from fairlead.upkeep import Reminder

from . import roots

DAY_NS = 86_400 * 10**9


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A valid root with two members and one provider."""
    found, problems = load_repository(roots.build_root(tmp_path / "root"))
    assert not problems
    return found


def reminders(repository: Repository, now: dt.datetime = roots.NOW, **more: object) -> list[Reminder]:
    given = {"rows": [], "last_changed": {}} | more
    return upkeep.reminders(repository, now=now, **given)  # type: ignore[arg-type]


def test_owners_are_those_who_are_seated_on_the_day_by_their_roles(repository: Repository) -> None:
    """A role that nobody holds leaves no line; a term that is over owns nothing."""
    members = dict(repository.members)
    name, first = next(iter(members.items()))
    members[name] = msgspec.structs.replace(first, roles=("maintainer",))
    text = upkeep.codeowners(members, first.seated)
    assert f"\n* @{first.github.login}\n" in text
    assert "/methodology/" not in text
    assert "Nobody is seated" in upkeep.codeowners(members, first.term_until)
    assert "Nobody is seated" in upkeep.codeowners({}, first.seated)


def test_a_row_is_named_once_it_is_stale_by_its_own_methodology(repository: Repository) -> None:
    """Days of the clock given, limits of the method given."""
    rules = repository.methodologies["1.0.0"].ranking
    now_ns = int(roots.NOW.timestamp()) * 10**9
    rows = [
        ("fresh", now_ns - DAY_NS, rules),
        ("stale", now_ns - (rules.stale_badge_days + 1) * DAY_NS, rules),
    ]
    found = [one for one in reminders(repository, rows=rows) if one.kind == "row"]
    assert [(one.path, one.sentence) for one in found] == [
        ("stale", f"its last window is {rules.stale_badge_days + 1} days old")
    ]


def test_prices_terms_and_interests_come_up_when_their_time_is_over(repository: Repository) -> None:
    """Nothing today; each of them years on."""
    later = roots.NOW + dt.timedelta(days=900)
    changed = {"providers/acme.yaml": roots.NOW.date()}
    assert reminders(repository, last_changed=changed) == []
    found = reminders(repository, later, last_changed=changed)
    assert {one.kind for one in found} == {"price", "term", "interest"}
    assert [one.path for one in found if one.kind == "interest"] == ["providers/acme.yaml"]
    assert found == sorted(found)


def test_a_dispute_comes_up_until_it_is_decided(tmp_path: Path) -> None:
    """First whoever has to answer, then whoever has to decide; then nobody."""
    root = roots.build_root(tmp_path / "root")
    path = f"{roots.ROUNDS}/history.yaml"
    roots.add_event(root, roots.ROUNDS, "disputed", "2026-03-25T10:00:00Z")
    (found,) = reminders(load_repository(root)[0])
    words = "dispute 1 waits for the answer: open: answer due in 7 days (2026-04-08)"
    assert found == Reminder("dispute", path, words)
    roots.add_event(root, roots.ROUNDS, "answered", "2026-03-26T10:00:00Z")
    (found,) = reminders(load_repository(root)[0])
    assert found.sentence.startswith("dispute 1 waits for panelists: answered")
    roots.add_event(root, roots.ROUNDS, "dismissed", "2026-03-27T10:00:00Z", approvals=roots.PANEL)
    assert reminders(load_repository(root)[0]) == []
