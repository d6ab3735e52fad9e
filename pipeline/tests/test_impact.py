"""What a change of the method does, on windows of fictional providers and against commits of a real git."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import html
import json
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fairlead import checks, governance, history, impact, model
from fairlead.cli import cli
from fairlead.cli.common import board_rows
from fairlead.evidence import load_evidence
from fairlead.impact import Impact, Part, What
from fairlead.publish import api, versions
from fairlead.publish import board as board_pages
from fairlead.publish.edition import Edition, render_page
from fairlead.repository import TOP_FOLDERS, Repository, canonical_text, load_repository
from fairlead.windows import Methodology, digest

from . import governance_example as people
from . import publish_example as example
from . import roots
from .test_verdict import STOPPING

VERSION = "methodology/versions/0.1.0"
NUMBERS = f"{VERSION}/methodology.yaml"
CLAIM = "submissions/hostile/2026-02-19-first"
ROUNDS = 12


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five providers with eight rounds, one with a claim that twelve rerun windows reproduce; committed."""
    made = tmp_path_factory.mktemp("impact") / "root"
    made.mkdir()
    example.write_root(made)
    stopping = msgspec.to_builtins(replace(STOPPING, looks=(4, 8, 12), hours_min=2))
    rewrite(made, NUMBERS, "methodology", lambda data: data["verdict"].update(stopping=stopping))
    _add_rerun(made)
    roots.git(made, "init", "-q")
    roots.commit(made)
    return made


def _add_rerun(root: Path) -> None:
    reference = Methodology(version="0.1.0", sha256=digest((root / NUMBERS).read_bytes()))
    entries, source = [], random.Random(5)
    for turn in range(ROUNDS):
        name, data = example._window("hostile", turn, reference, source)
        entries.append(example._manifest_entry(root, f"{CLAIM}/reruns/20260220t000000z-harbour", name, data))
    about = {"schema_version": 1, "methodology": msgspec.to_builtins(reference), "vantage": "harbour"}
    who = {"login": "ada-example", "id": 7}
    rerun = {**about, "started": "2026-02-20T00:00:00Z", "started_by": who, "windows": entries}
    example._write(
        root,
        f"{CLAIM}/reruns/20260220t000000z-harbour/rerun.yaml",
        "rerun",
        {**rerun, "calibrations": [], "notes": None},
    )
    registration = {**about, "registered": "2026-02-18T00:00:00Z", "by": who, "seed": "ab" * 32}
    plan = {
        "endpoint": "api",
        "model": "fable-7b",
        "scenario": "chat-c1",
        "not_before": "2026-02-19T00:00:00Z",
    }
    registration |= {"deadline": "2026-03-20", "windows": [plan], "notes": None}
    example._write(root, f"{CLAIM}/registration.yaml", "registration", registration)


def rewrite(root: Path, path: str, kind: str, change: Any) -> None:
    data = roots.data_of((root / path).read_text())
    change(data)
    (root / path).write_text(canonical_text(kind, data))


def loaded(root: Path) -> Repository:
    repository, problems = load_repository(root)
    assert problems == []
    return repository


@contextlib.contextmanager
def restored(root: Path) -> Iterator[None]:
    """What is changed within is taken back."""
    try:
        yield
    finally:
        roots.git(root, "checkout", "-q", ".")
        roots.git(root, "clean", "-qfd")


def since_head(root: Path) -> tuple[Impact, ...]:
    repository = loaded(root)
    evidence, problems = load_evidence(repository)
    assert problems == []
    base = history.open_base(root, "HEAD", TOP_FOLDERS)
    assert base is not None
    return impact.impacts_since(repository, base, evidence, example.NOW)


def changed(root: Path, *edits: tuple[str, Any]) -> Impact:
    """What it does to set these values (``ranking.metrics``) of the version that all is measured by."""

    def change(data: dict[str, Any]) -> None:
        for path, value in edits:
            *above, key = path.split(".")
            part = data
            for name in above:
                part = part[name]
            assert part.get(key) != value
            part[key] = value

    with restored(root):
        rewrite(root, NUMBERS, "methodology", change)
        return since_head(root)[0]


def kinds(found: Impact) -> set[What]:
    return {each.what for each in found.changes}


def test_a_change_of_nothing_does_nothing_and_is_editorial(root: Path) -> None:
    """No change, no affected provider, no reason."""
    (found,) = since_head(root)
    assert (found.changes, found.change_class, found.reason, found.providers) == ((), "editorial", None, ())


@given(st.datetimes(dt.datetime(2026, 2, 20), dt.datetime(2026, 8, 1)))
def test_a_board_differs_in_nothing_from_itself_at_any_moment(root: Path, moment: dt.datetime) -> None:
    """Whatever is expired or disputed by then."""
    repository, evidence = _board(root)
    at = moment.replace(tzinfo=dt.UTC)
    first, second = (impact.score(repository, each, at) for each in (evidence, evidence[::-1]))
    assert impact.compare(first, second) == []


_LOADED: dict[Path, tuple[Repository, list[Any]]] = {}


def _board(root: Path) -> tuple[Repository, list[Any]]:
    if root not in _LOADED:
        repository = loaded(root)
        _LOADED[root] = repository, load_evidence(repository)[0]
    return _LOADED[root]


def test_what_stands_before_a_change_is_what_the_board_says(root: Path) -> None:
    """The rows and verdicts that are compared are those of `rank` and of `verdict`."""
    repository, evidence = _board(root)
    scored = impact.score(repository, evidence, example.NOW)
    assert scored.rows == tuple(board_rows(repository, example.NOW))
    assert any(row.ranks for row in scored.rows)
    found = changed(root, ("ranking.metrics", ["e2e_p50_ms"]))
    before = {(each.subject, each.name): each.before for each in found.changes if each.what is What.RANK}
    shown = json.loads(run(root, "rank", "--json"))["rows"]
    ranks = {
        (row["id"], metric): {key: rank[key] for key in ("best", "worst", "of")}
        for row in shown
        for metric, rank in row["ranks"].items()
        if metric != "e2e_p50_ms"
    }
    assert before == ranks


def test_a_change_of_prose_is_editorial(root: Path) -> None:
    """It is listed all the same."""
    with restored(root):
        roots.append(root, f"{VERSION}/methodology.md", "\nOne more word.\n")
        (found,) = since_head(root)
    assert (found.change_class, kinds(found)) == ("editorial", {What.WORDS})


def test_a_number_that_moves_figures_only_is_minor(root: Path) -> None:
    """Every interval is another one, and no rank, state or verdict."""
    found = changed(root, ("statistics.confidence", 0.9))
    assert (found.change_class, kinds(found)) == ("minor", {What.FIGURE, What.NUMBER})


def test_a_number_that_moves_nothing_that_is_computed_here_is_published_and_minor(root: Path) -> None:
    """When a disagreement of counts is said."""
    found = changed(root, ("limits.token_disagreement_share", 0.06))
    assert (found.change_class, kinds(found)) == ("minor", {What.NUMBER})


def test_a_margin_that_flips_a_verdict_is_major(root: Path) -> None:
    """The verdict is the first reason, and its provider is affected."""
    found = changed(root, ("verdict.latency_margin_share", 0.001))
    first = found.reason
    assert first is not None
    assert (found.change_class, first.what, first.before) == ("major", What.VERDICT, "reproduced, final")
    assert first.after != first.before
    assert found.providers == ("hostile",)


def test_another_list_of_ranked_metrics_is_major(root: Path) -> None:
    """Ranks that go have nothing after them, those that come nothing before."""
    found = changed(root, ("ranking.metrics", ["ttft_p50_ms"]))
    gone = {each.name for each in found.changes if each.what is What.RANK and each.after is None}
    assert found.change_class == "major"
    assert gone == {"output_speed_p50_tps", "e2e_p50_ms", "system_throughput_tps"}


def test_a_rule_that_moves_no_rank_yet_is_major(root: Path) -> None:
    """Or it would be changed by few before the results come that it decides."""
    found = changed(root, ("limits.clock_step_ms", 200))
    assert (found.change_class, kinds(found)) == ("major", {What.RULE})


def test_a_number_of_a_figure_is_major_where_it_takes_ranks_away(root: Path) -> None:
    """What it is called does not matter, what it does does."""
    found = changed(root, ("window.requests_min", 31))
    assert impact.part_of("window.requests_min") is Part.FIGURE
    assert found.reason is not None
    assert (found.change_class, found.reason.what) == ("major", What.RANK)
    assert {each.name for each in found.changes if each.what is What.RANK} == {"system_throughput_tps"}


def test_rules_of_votes_and_the_charter_are_major(root: Path) -> None:
    """Who decides is no smaller matter than what is decided."""
    for path, old, new in (
        ("methodology/governance/rules.yaml", "ballots_min: 5", "ballots_min: 4"),
        ("methodology/governance/charter.md", "# Charter", "# The charter"),
    ):
        with restored(root):
            roots.edit(root, path, old, new)
            (found,) = since_head(root)
        assert (found.change_class, kinds(found)) == ("major", {What.RULE})


# -- a new version -------------------------------------------------------------------------------


def add_version(root: Path, change: Any, version: str = "1.1.0") -> None:
    """Ratify 0.1.0 on paper, and add a candidate that differs from it by ``change``."""
    data = roots.data_of((root / NUMBERS).read_text())
    data["version"] = version
    change(data)
    for name, text in (
        ("methodology.yaml", canonical_text("methodology", data)),
        ("methodology.md", (root / VERSION / "methodology.md").read_text()),
    ):
        roots.write(root, f"methodology/versions/{version}/{name}", text)

    def list_it(data: dict[str, Any]) -> None:
        data["versions"][0] |= {"state": "ratified", "date": "2026-01-01"}
        entry = {**data["versions"][1], "version": version, "state": "candidate", "changes": "The next text."}
        data["versions"].append(entry)

    rewrite(root, "methodology/versions.yaml", "versions", list_it)


def test_a_new_version_is_held_against_the_one_in_force_and_leaves_the_board_as_it_is(root: Path) -> None:
    """Its record of the old windows is marked, and no row of the board is another one."""
    before = board_rows(loaded(root), example.NOW)

    def change(data: dict[str, Any]) -> None:
        data["ranking"]["metrics"] = ["ttft_p50_ms"]

    with restored(root):
        add_version(root, change)
        first, found = since_head(root)
        assert board_rows(loaded(root), example.NOW) == before
    assert first.changes == ()
    assert (found.old, found.new, found.change_class, found.again) == ("0.1.0", "1.1.0", "major", ())
    stated = impact.impact_data([found], {})["impacts"][0]["rescored"]
    assert {row["row"] for row in stated} == {row.id for row in before}
    assert {(row["version"], row["rescored_from"]) for row in stated} == {("1.1.0", "0.1.0")}
    ranked = [row["ranks"].keys() for row in stated if row["ranks"]]
    assert ranked
    assert all(set(each) == {"ttft_p50_ms"} for each in ranked)


def test_a_new_version_of_the_same_numbers_is_editorial(root: Path) -> None:
    """Every scenario is the same measurement."""
    with restored(root):
        add_version(root, lambda _: None)
        _, found = since_head(root)
    assert (found.change_class, found.changes) == ("editorial", ())
    assert all(fit.is_same for fit in found.fits)


def test_what_is_measured_otherwise_is_not_compared(root: Path) -> None:
    """Rows and claims of the scenario are to be measured again, and the change is major for its rule."""

    def change(data: dict[str, Any]) -> None:
        data["scenarios"][0]["requests"] = 60

    with restored(root):
        add_version(root, change)
        _, found = since_head(root)
        rows = {row.id for row in board_rows(loaded(root), example.NOW)}
    assert (found.change_class, kinds(found)) == ("major", {What.RULE})
    assert set(found.again) == {*rows, "hostile/2026-02-19-first: fable-7b/chat-c1/api"}
    assert [fit.scenario for fit in found.fits if not fit.is_same] == ["chat-c1"]
    assert "rescored" not in impact.impact_text([found], {})


def test_a_scenario_goes_with_its_workload_and_with_every_timeout() -> None:
    """And with nothing of another scenario's."""
    path = example.CHECKOUT / "methodology/versions/1.0.0-rc/methodology.yaml"
    text = msgspec.convert(roots.data_of(path.read_text()), model.Methodology)
    workloads = tuple(
        replace(each, input_words=1) if each.id == "long-input" else each for each in text.workloads
    )
    fits = impact.compatibility(text, replace(text, workloads=workloads))
    assert [fit.scenario for fit in fits if not fit.is_same] == ["long-c4"]
    assert fits[3].reasons == ("workloads.long-input.input_words: 4000 → 1",)
    slower = replace(text, timeouts=replace(text.timeouts, total_ms=1))
    assert not any(fit.is_same for fit in impact.compatibility(text, slower))
    fewer = impact.compatibility(text, replace(text, scenarios=text.scenarios[1:]))
    assert fewer[0].reasons == ("the newer version does not measure it",)
    more = impact.compatibility(replace(text, scenarios=text.scenarios[1:]), text)
    assert more[-1].reasons == ("new: nothing of it was measured before",)
    assert all(fit.is_same for fit in impact.compatibility(text, replace(text, title="x", day_seconds=60)))


def test_every_key_of_the_method_says_what_it_decides() -> None:
    """A new one is a rule until somebody says otherwise."""
    keys = {name for name in impact.PARTS if "." not in name}
    assert keys == set(model.Methodology.__struct_fields__)
    for name in impact.PARTS:
        part, _, key = name.partition(".")
        struct = {
            "limits": model.Limits,
            "statistics": model.StatisticsRules,
            "smoothness": model.SmoothnessLimits,
            "ranking": model.RankingRules,
        }
        assert not key or key in struct[part].__struct_fields__, name
    assert impact.part_of("unheard.of") is Part.RULE


# -- the commands --------------------------------------------------------------------------------


def run(root: Path, *arguments: str, code: int = 0, now: dt.datetime = example.NOW) -> str:
    environment = {"SOURCE_DATE_EPOCH": str(int(now.timestamp()))}
    found = CliRunner().invoke(cli, [*arguments, "--root", str(root)], env=environment)
    assert found.exit_code == code, found.output
    return found.output


def test_the_command_says_what_changes_and_in_what_class(root: Path) -> None:
    """For people and for machines; a change of ranks is no problem in the data."""
    with restored(root):
        roots.edit(root, NUMBERS, "    - ttft_p50_ms\n", "")
        text = run(root, "impact", "--base", "HEAD")
        data = json.loads(run(root, "impact", "--base", "HEAD", "--json"))
    assert text.startswith(
        "major: the rank in ttft_p50_ms of fable-7b/chat-c1/harbour/acme/api/neutral/0.1.0 ch"
    )
    assert "      rank     ttft_p50_ms: 1–2 of 4 → no rank\n" in text
    assert "ranking.metrics: ttft_p50_ms, output_speed_p50_tps" in text
    assert (data["class"], data["impacts"][0]["class"]) == ("major", "major")
    assert "acme" in data["ties"]


def test_the_command_needs_one_thing_to_compare(root: Path) -> None:
    """Not both, not none, and a folder that git knows."""
    assert "either a PROPOSAL or --base" in run(root, "impact", code=2)
    assert "either a PROPOSAL or --base" in run(root, "impact", "1", "--base", "HEAD", code=2)
    with pytest.raises(history.EnvironmentProblem, match="knows no commit"):
        history.open_base(root, "nowhere", TOP_FOLDERS)


# -- the class of a vote -------------------------------------------------------------------------

NEXT = "0002-next"
DAY = dt.timedelta(days=1)


def propose(root: Path, kind: str = "editorial") -> None:
    """A proposal of version 1.1.0 that is open for comment."""
    events = (people.event("comment", roots.NOW - 14 * DAY),)
    stated = people.proposal(kind, methodology_version="1.1.0", raised=events[0].at, events=events)
    stated = replace(stated, proposer=model.GitHub(login="ada-example", id=201))
    text = canonical_text("proposal", msgspec.to_builtins(stated))
    roots.write(root, f"methodology/proposals/{NEXT}/proposal.yaml", text)
    roots.write(
        root,
        f"methodology/proposals/{NEXT}/proposal.md",
        "# The next method\n\nBecause.\n\n## Objections\n\nNone was raised.\n",
    )


def put_to_vote(root: Path, change: Any) -> None:
    """Write its vote as one of this class, whatever the change does."""
    repository = loaded(root)
    register = governance.register_of(repository)
    assert register is not None
    sha256 = governance.text_digest(repository, NEXT)
    stated = repository.proposals[NEXT]
    opened, ballot = governance.put_to_vote(
        register, stated, None, change, text_sha256=sha256, opens=roots.NOW
    )
    roots.write_ballot(root, f"methodology/proposals/{NEXT}", ballot)
    text = canonical_text("proposal", msgspec.to_builtins(opened))
    roots.write(root, f"methodology/proposals/{NEXT}/proposal.yaml", text)


@pytest.fixture
def board(tmp_path: Path) -> Path:
    """The valid root with the draft of a next version, and its proposal."""
    made = roots.build_root(tmp_path / "root")
    roots.draft_version(made)
    propose(made)
    return made


def tallied(root: Path, *arguments: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(run(root, "tally", NEXT, "--json", *arguments, now=roots.NOW))
    return data


def problems_of(root: Path) -> list[str]:
    found = checks.run_checks(root, now=roots.NOW + dt.timedelta(hours=1))
    return [f"{problem.code} {problem.message}" for problem in found if problem.code.startswith("GOV")]


def test_a_vote_is_opened_in_the_class_that_its_change_has(board: Path) -> None:
    """Nobody names it: the same numbers are editorial, another interval is minor, another margin is major."""
    assert tallied(board, "--open")["class"] == "editorial"
    assert problems_of(board) == []
    for old, new, change in (
        ("confidence: 0.95", "confidence: 0.9", "minor"),
        ("latency_margin_share: 0.1", "latency_margin_share: 0.2", "major"),
    ):
        roots.edit(board, "methodology/versions/1.1.0/methodology.yaml", old, new)
        assert tallied(board, "--open")["class"] == change


def test_a_vote_in_a_lower_class_than_its_change_has_is_void(board: Path) -> None:
    """In the tally and in the check, whatever the ballots say."""
    number = "methodology/versions/1.1.0/methodology.yaml"
    roots.edit(board, number, "confidence: 0.95", "confidence: 0.9")
    put_to_vote(board, "editorial")
    found = tallied(board)
    assert (found["outcome"], found["class"]) == ("void", "minor")
    said = "G-4.1: The vote was opened for a change that is editorial; this one is minor."
    assert f"GOV014 {said}" in problems_of(board)
    put_to_vote(board, "minor")
    assert (tallied(board)["outcome"], problems_of(board)) == ("open", [])
    assert tallied(board, "--class", "major")["outcome"] == "void"
    assert tallied(board, "--class", "editorial")["outcome"] == "open"
    roots.edit(board, number, "rounds_min: 6", "rounds_min: 7")
    put_to_vote(board, "minor")
    assert tallied(board)["outcome"] == "void"


def test_a_vote_is_no_less_valid_once_its_windows_are_in_a_store(board: Path) -> None:
    """Where they are not at hand nothing can be scored: the class counts that the vote was opened for."""
    put_to_vote(board, "minor")
    before = tallied(board)
    assert (before["outcome"], before["class"]) == ("open", "minor")
    for folder in ("submissions/neutral/" + name for name in loaded(board).rounds):
        roots.archive_folder(board, folder)
    assert {problem.code for problem in load_evidence(loaded(board))[1]} == {"ARC005"}
    assert tallied(board) == before


def test_a_check_reads_the_windows_once_for_all_votes(board: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_to_vote(board, "minor")
    again = "0003-again"
    shutil.copytree(board / f"methodology/proposals/{NEXT}", board / f"methodology/proposals/{again}")
    repository, _ = load_repository(board)
    reads: list[Repository] = []

    def read(of: Repository) -> impact.Windows:
        reads.append(of)
        return load_evidence(of)

    monkeypatch.setattr("fairlead.checks.context.load_evidence", read)
    context = checks.Context(now=roots.NOW, base=None, paths=())
    made = [context.tally(repository, name) for name in (NEXT, again)]
    assert [one and one.change for one in made] == ["minor", "minor"]
    assert reads == [repository]


def test_windows_that_were_measured_after_the_opening_change_no_class(root: Path) -> None:
    """Or whoever measures could void a vote that was held by the rules."""

    def change(data: dict[str, Any]) -> None:
        data["window"]["requests_min"] = 31

    with restored(root):
        add_version(root, change)
        repository = loaded(root)
    stated = people.proposal("methodology", methodology_version="1.1.0")
    ballot = people.opened(people.register(), stated, ())
    evidence, _ = load_evidence(loaded(root))
    for opens, expected in (("2026-02-19", "minor"), ("2026-02-28", "major")):
        vote = replace(ballot, opens=dt.datetime.fromisoformat(opens).replace(tzinfo=dt.UTC))
        voted = dataclasses.replace(repository, proposals={NEXT: stated}, ballots={NEXT: vote})
        assert impact.computed_class(voted, NEXT, example.NOW, read=lambda: (evidence, ())) == expected


def test_no_window_is_read_for_a_vote_on_a_major_change(board: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No class that could be computed would make it void."""
    put_to_vote(board, "major")
    monkeypatch.setattr("fairlead.impact.proposed.load_evidence", None)
    made = impact.tally_proposal(loaded(board), NEXT, roots.NOW)
    assert made is not None
    assert (made.outcome, made.change) == (governance.Outcome.OPEN, "major")


# -- the pages -----------------------------------------------------------------------------------


def test_the_page_of_an_open_proposal_shows_what_it_would_change_and_who_is_tied(board: Path) -> None:
    """Ben works for Acme, whose row would be ranked no more; once decided, the page says nothing of it."""
    number = "methodology/versions/1.1.0/methodology.yaml"
    roots.edit(board, number, "success_rate_min: 0.9", "success_rate_min: 1")
    roots.edit(board, number, "    - ttft_p50_ms\n", "    - e2e_p50_ms\n")
    shown = page(board, f"governance/{NEXT}/")
    for said in (
        "What it would change",
        "Version 1.1.0 in the place of 1.0.0 . Its class is computed from it. major: the rank in",
        "Members tied to the provider",
        "ranking.metrics",
        "Rescored from 1.0.0",
        "1.1.0, rescored from 1.0.0",
    ):
        assert said in shown, said
    assert re.search(
        r"llama-3-70b/chat-c2/north-1/acme/main/neutral/1\.0\.0 ttft_p50_ms .* Ben Example", shown
    )
    assert "What it would change" not in page(board, "governance/0001-first-method/")
    listed = page(board, "governance/")
    assert "not put to the vote yet 2 ranks, 2 numbers" in listed


def test_the_page_of_a_version_says_how_it_goes_with_the_one_before(board: Path) -> None:
    """Each scenario's fit with its reason, and each number that differs with what it decides."""
    number = "methodology/versions/1.1.0/methodology.yaml"
    roots.edit(board, number, "total_ms: 60000", "total_ms: 50000")
    shown = page(board, "methodology/1.1.0/")
    for said in (
        "Beside version 1.0.0",
        "is on the page of its proposal, An example",
        "chat-c2 to be measured again timeouts.total_ms: 60000 → 50000",
        "Every change since 1.0.0, side by side . 1 number differs",
        "What changed in 1.1.0 since: 1.0.0",
    ):
        assert said in shown, said
    assert "Beside version" not in page(board, "methodology/1.0.0/")


def test_the_page_of_changes_says_each_number_in_words_and_what_it_decides(board: Path) -> None:
    """Was, is, which way, and whether what was measured before can still stand beside it."""
    number = "methodology/versions/1.1.0/methodology.yaml"
    roots.edit(board, number, "total_ms: 60000", "total_ms: 50000")
    roots.edit(board, number, "success_rate_min: 0.9", "success_rate_min: 0.95")
    shown = page(board, "methodology/1.1.0/since-1.0.0/")
    for said in (
        "1 number: what is sent or waited for: it is measured again; 1 number: what counts, ranks",
        "Timeouts Total (ms) timeouts.total_ms 60,000 50,000 lower what is sent or waited for",
        "Ranking Success rate at least ranking.success_rate_min 90 % 95 % higher what counts",
        "No word differs.",
    ):
        assert said in shown, said


def page(root: Path, url: str) -> str:
    repository = loaded(root)
    rows = tuple(board_rows(repository, roots.NOW))
    edition = Edition(repository, rows, roots.NOW, None, {})
    pages, _ = board_pages.governance_pages(edition)
    pages += [versions.version_page(edition, version)[0] for version in edition.versions]
    pages += versions.changes_pages(edition)
    found = next(each for each in pages if each.url == url)
    plain = re.sub(r"<[^>]+>", " ", render_page(found))
    return re.sub(r"\s+", " ", html.unescape(html.unescape(plain))).replace("\\", "")


def test_the_data_file_of_an_impact_fits_its_schema(board: Path) -> None:
    """One for each proposal that is not decided."""
    number = "methodology/versions/1.1.0/methodology.yaml"
    roots.edit(board, number, "confidence: 0.95", "confidence: 0.9")
    repository = loaded(board)
    edition = Edition(repository, tuple(board_rows(repository, roots.NOW)), roots.NOW, None, {})
    files = {path: json.loads(body) for path, body in api.render(edition) if "/impacts/" in path}
    ((path, data),) = files.items()
    assert path == f"{api.ROOT}impacts/{NEXT}.json"
    jsonschema.Draft202012Validator(api.schema("impact")).validate(data)
    assert (data["class"], len(data["impacts"][0]["rescored"])) == ("minor", 2)


def test_a_proposal_is_named_by_its_number_and_one_that_names_nobodys_numbers_says_so(board: Path) -> None:
    """An admission is major by its kind; of the next method every change is told."""
    roots.edit(board, "methodology/versions/1.1.0/methodology.yaml", "confidence: 0.95", "confidence: 0.9")
    text = run(board, "impact", "2", now=roots.NOW)
    assert text.startswith("minor: no rank, and the figure ")
    assert "1 of 1 scenarios are the same measurement as under 1.0.0" in text
    assert "acme:\n    ben: employed by Acme Corporation since 2021-01-01 (G-3.1)" in text
    said = "major: its kind is admission, and no rank can be computed from it (G-4.1)"
    assert run(board, "impact", "0") == f"{said}\n"
    data = json.loads(run(board, "impact", "0", "--json"))
    assert (data["class"], data["reason"], data["impacts"]) == ("major", said, [])


def test_rules_in_a_proposals_folder_are_held_against_those_in_force(board: Path) -> None:
    """Each number that differs is a rule."""
    roots.write(
        board, f"methodology/proposals/{NEXT}/rules.yaml", roots.FILES[f"{roots.GOVERNANCE}/rules.yaml"]
    )
    roots.edit(board, f"methodology/proposals/{NEXT}/rules.yaml", "cure_days: 30", "cure_days: 20")
    repository = loaded(board)
    stated = replace(repository.proposals[NEXT], kind="rules", methodology_version=None)
    proposed = dataclasses.replace(repository, proposals={NEXT: stated})
    found = impact.impact_of_proposal(proposed, NEXT, load_evidence(repository)[0], roots.NOW)
    assert found is not None
    assert [(each.what, each.name, each.before, each.after) for each in found.changes] == [
        (What.RULE, "seats.cure_days", 30, 20)
    ]


def test_a_bar_that_takes_a_row_from_the_ranks_changes_its_state(root: Path) -> None:
    """By its success rate, or because its windows do not count any more."""
    found = changed(root, ("ranking.success_rate_min", 1))
    states = {each.subject: each.after for each in found.changes if each.what is What.STATE}
    assert states == {example.ROW.format("borealis"): ["239 of 240 requests succeeded, fewer than 100 %"]}
    found = changed(root, ("calibration.required", True))
    after = [each.after for each in found.changes if each.what is What.STATE]
    assert after == [["no valid window"]] * 4


def test_rows_that_are_withheld_are_withheld_here_too(board: Path) -> None:
    """Once Acme holds the keys of the board, on both sides of every change."""
    roots.edit(
        board,
        f"{roots.GOVERNANCE}/custody.yaml",
        "organisation: example-university",
        "organisation: acme-corporation",
    )
    repository = loaded(board)
    scored = impact.score(repository, load_evidence(repository)[0], roots.NOW)
    assert scored.rows == tuple(board_rows(repository, roots.NOW))
    assert "holds administration rights" in str([row.unranked for row in scored.rows])


def test_windows_of_a_version_that_there_was_not_yet_are_not_compared(tmp_path: Path) -> None:
    """They are no effect of a change of the method, but new results."""
    root = roots.build_root(tmp_path / "root")
    folder, aside = root / "methodology/versions/1.0.0", tmp_path / "aside"
    folder.rename(aside)
    roots.git(root, "init", "-q")
    roots.commit(root)
    aside.rename(folder)
    base = history.open_base(root, "HEAD", TOP_FOLDERS)
    assert base is not None
    repository = loaded(root)
    evidence, _ = load_evidence(repository)
    found = impact.impacts_since(repository, base, evidence, roots.NOW)
    assert [each.changes for each in found] == [()]


def test_another_reason_for_a_rank_that_is_withheld_is_minor(root: Path) -> None:
    """What is ranked is the same; what is said of it is not."""
    repository, evidence = _board(root)
    scored = impact.score(repository, evidence, example.NOW)
    rows = [dataclasses.replace(row, withheld={"ttft_p50_ms": "9 of 9 came early"}) for row in scored.rows]
    (first, *_) = found = impact.compare(scored, dataclasses.replace(scored, rows=tuple(rows)))
    assert {each.what for each in found} == {What.REASON}
    assert impact.change_words(first) == "none → 9 of 9 came early"
