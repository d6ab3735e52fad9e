"""A difference of 2023 stands, or is said to be beyond what the record can bear, and why."""

from __future__ import annotations

import dataclasses
import datetime as dt
import gzip
import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from fairlead.audit import Record, make_record, read_record, render_record, write_record
from fairlead.audit.burst import Observed, common_median_p_value, median_range
from fairlead.audit.record import Bar, Entry, Pair
from fairlead.audit.verdicts import verdicts
from fairlead.evidence import load_evidence
from fairlead.imports.llmperf import import_llmperf
from fairlead.problems import Problem
from fairlead.publish.markup import escape
from fairlead.publish.record import method_blocks, table_blocks, verdict_blocks
from fairlead.ranking import build_rows, methodology_of
from fairlead.repository import load_repository
from fairlead.windows import digest

from .llmperf_example import DAY, burst, failure, success, write_run
from .publish_example import CHECKOUT, HOSTILE, Outline, build

TODAY = dt.date(2026, 3, 4)
SHIPPED = CHECKOUT / "site" / "content" / "assets" / "record-2023.json"
FIXTURE = Path(__file__).parent / "fixtures" / "llmperf" / "results"
TTFT, SPEED = "ttft_ms", "tokens_per_e2e_tps"


def observed(values: list[float]) -> list[Observed]:
    return [Observed(value, i) for i, value in enumerate(values)]


def record_of(root: Path, published: bytes | None = None) -> tuple[Record, list[Problem]]:
    repository, _ = load_repository(root)
    evidence, _ = load_evidence(repository)
    rows = build_rows(evidence, repository.providers, repository.methodologies, now_unix_ns=0)
    methodology = methodology_of(repository.methodologies, None)
    return make_record(repository, rows, methodology, published, "published.csv")


# -- one burst, at its most generous -------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "places"), [(6, (0, 2, 5)), (20, (5, 9, 14)), (53, (18, 26, 34)), (150, (62, 74, 87))]
)
def test_a_range_lies_between_the_order_statistics_of_the_sign_test(
    n: int, places: tuple[int, int, int]
) -> None:
    found = median_range(observed([float(value) for value in reversed(range(n))]), confidence=0.95)
    ends = [one and (one.value, one.i) for one in (found.low, found.median, found.high)]
    assert ends == [(float(place), n - 1 - place) for place in places]
    outside = 2 * scipy_stats.binom.cdf(places[0], n, 0.5)
    assert outside <= 0.05 < 2 * scipy_stats.binom.cdf(places[0] + 1, n, 0.5)


def test_too_few_values_give_a_median_and_a_reason() -> None:
    found = median_range(observed([3.0, 1.0, 2.0, 5.0, 4.0]), confidence=0.95)
    assert (found.median, found.low, found.reason) == (Observed(3.0, 0), None, "5 values, 6 are needed")
    assert median_range([], confidence=0.95).reason == "no value"


def test_a_range_holds_the_median_of_independent_requests_as_often_as_it_says() -> None:
    random = np.random.default_rng(2023)
    held = 0
    for _ in range(1_000):
        found = median_range(observed(random.lognormal(0, 0.5, 53).tolist()), confidence=0.95)
        held += found.low is not None and found.high is not None and found.low.value <= 1 <= found.high.value
    assert held >= 940


@pytest.mark.parametrize("n", [6, 20, 150])
def test_two_bursts_apart_have_the_p_value_of_the_closed_form(n: int) -> None:
    found = common_median_p_value(list(range(n)), list(range(1_000, 1_000 + n)))
    assert found == pytest.approx(scipy_stats.chi2.sf(2 * n * math.log(2), 1))


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=40), st.lists(st.floats(0.01, 100), min_size=1))
def test_neither_side_nor_scale_changes_the_p_value(first: list[float], second: list[float]) -> None:
    found = common_median_p_value(first, second)
    assert found == common_median_p_value(second, first)
    doubled = [[2 * value for value in values] for values in (first, second)]
    assert found == common_median_p_value(*doubled)
    assert common_median_p_value(first, first) == 1.0


def test_a_burst_without_a_value_has_no_p_value() -> None:
    assert common_median_p_value([], [1.0]) is None


@pytest.mark.parametrize(("first", "second"), [((150, 0.3), (150, 0.3)), ((150, 0.3), (20, 0.9))])
def test_equal_medians_are_told_apart_no_more_often_than_said(
    first: tuple[int, float], second: tuple[int, float]
) -> None:
    random = np.random.default_rng(7)
    found = [
        common_median_p_value(*(random.lognormal(0, spread, n).tolist() for n, spread in (first, second)))
        for _ in range(1_500)
    ]
    assert sum(p is not None and p <= 0.05 for p in found) <= 0.06 * len(found)


def test_a_median_15_percent_lower_is_mostly_told_apart() -> None:
    random = np.random.default_rng(8)
    found = [
        common_median_p_value(random.lognormal(m, 0.3, 150).tolist(), random.lognormal(0, 0.3, 150).tolist())
        for m in [math.log(0.85)] * 400
    ]
    assert sum(p is not None and p <= 0.05 for p in found) >= 0.85 * len(found)


# -- a planted record ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven providers: two that differ, one like the first, and four that each break one rule."""
    folder = tmp_path_factory.mktemp("record")
    source, root = folder / "source", folder / "root"
    write_run(source, "acme", burst(0.20, 50))
    write_run(source, "borealis", burst(0.40, 50), written=DAY + dt.timedelta(minutes=9))
    write_run(source, "cumulus", burst(0.201, 50))
    write_run(source, "dunlin", burst(0.40, 50), written=DAY + dt.timedelta(days=2))
    write_run(source, "ember", burst(0.40, 50, failures=20))
    write_run(source, "frost", burst(0.40, 50, answers=20))
    write_run(source, "gale", burst(0.40, 50), started=75)
    assert import_llmperf(source, root, TODAY).problems == ()
    return root


@pytest.fixture(scope="module")
def record(root: Path) -> Record:
    found, problems = record_of(root)
    assert problems == []
    return found


def pair(record: Record, first: str, second: str, quantity: str = TTFT) -> Pair:
    return next(p for p in record.pairs if {p.better, p.worse} == {first, second} and p.quantity == quantity)


def entry(record: Record, provider: str) -> Entry:
    return next(entry for entry in record.entries if entry.provider == provider)


def test_a_planted_difference_of_one_day_stands_and_can_be_claimed(record: Record) -> None:
    found = pair(record, "acme", "borealis")
    assert (found.better, found.worse, found.stands, dict(found.bars)) == ("acme", "borealis", True, {})
    assert found.ratio == pytest.approx(2, rel=0.01)
    assert found.apart_s == 540
    assert found in record.claimable


def test_a_difference_of_half_a_percent_does_not_stand(record: Record) -> None:
    found = pair(record, "acme", "cumulus")
    assert not found.stands
    assert found not in record.standing
    assert found.p_value > 0.05


@pytest.mark.parametrize(
    ("provider", "bar", "said"),
    [
        ("dunlin", Bar.DAYS, "acme on 2024-02-03, dunlin on 2024-02-05"),
        ("ember", Bar.FAILURES, "ember: 60 of 80 requests succeeded, fewer than 95 %"),
        ("frost", Bar.SAMPLE, "frost: 20 answers to measure, a window needs 50 requests"),
        ("gale", Bar.INCOMPLETE, "gale: cut off: 60 of 75 planned requests were sent"),
    ],
)
def test_a_difference_that_stands_is_barred_for_its_one_reason(
    record: Record, provider: str, bar: Bar, said: str
) -> None:
    found = pair(record, "acme", provider)
    assert found.stands
    assert dict(found.bars) == {bar: said}
    assert found not in record.claimable


def test_a_run_is_kept_out_for_what_it_is_and_not_for_its_day(record: Record) -> None:
    assert [e.provider for e in record.kept_out] == ["ember", "frost", "gale"]
    form = entry(record, "acme").of_form
    assert "imported from another tool: unregistered, without stamps, never ranked" in form
    assert "no calibration certificate from before the round" in form
    assert "one window gives no interval" in form


def test_failed_requests_are_named_and_in_no_median(record: Record) -> None:
    ember = entry(record, "ember")
    assert [(f.outcome, f.count, f.requests) for f in ember.failures] == [("rate_limited", 20, "60-79")]
    assert (ember.requests, ember.successes, ember.medians[TTFT].n) == (80, 60, 60)


def test_a_median_and_its_range_are_values_of_the_requests_they_name(root: Path, record: Record) -> None:
    for found in record.entries:
        lines = gzip.decompress((root / found.window).read_bytes()).splitlines()
        for one in (found.medians[TTFT].low, found.medians[TTFT].median, found.medians[TTFT].high):
            assert one is not None
            assert json.loads(lines[one.i + 1])["ttft_ns"] / 1e6 == pytest.approx(one.value, rel=1e-8)


def test_the_digest_of_a_run_is_that_of_the_file_it_came_from(root: Path, record: Record) -> None:
    source = root.parent / "source"
    for found in record.entries:
        assert hashlib.sha256((source / found.source).read_bytes()).hexdigest() == found.source_sha256


def test_each_pair_is_of_two_entries_it_names_and_of_one_model(record: Record) -> None:
    assert len(record.pairs) == 2 * 7 * 6 // 2
    for found in record.pairs:
        better, worse = (record.entries[place] for place in found.entries)
        assert (better.provider, worse.provider) == (found.better, found.worse)
        assert better.model == worse.model == found.model


def test_a_run_whose_halves_differ_fails_its_control(tmp_path: Path) -> None:
    slow, fast = ([success(seconds, 5)] * 30 for seconds in (2.0, 1.0))
    write_run(tmp_path / "source", "acme", [*slow, *fast])
    write_run(tmp_path / "source", "borealis", burst(0.4, 50))
    import_llmperf(tmp_path / "source", tmp_path / "root", TODAY)
    record, _ = record_of(tmp_path / "root")
    differing = [(c.provider, c.quantity, c.first, c.second) for c in record.controls if c.differs]
    assert differing == [("acme", TTFT, 2000, 1000)]


def test_a_run_in_which_all_failed_has_no_pair_and_is_kept_out(tmp_path: Path) -> None:
    write_run(tmp_path / "source", "acme", [failure()] * 60)
    write_run(tmp_path / "source", "borealis", burst(0.4, 50))
    import_llmperf(tmp_path / "source", tmp_path / "root", TODAY)
    record, problems = record_of(tmp_path / "root")
    assert (record.pairs, problems) == ((), [])
    assert set(entry(record, "acme").own) == {Bar.FAILURES, Bar.SAMPLE}
    assert entry(record, "acme").medians[TTFT].reason == "no value"
    assert "no value" in render_record(record)


def test_a_window_that_cannot_be_read_is_a_problem_and_no_entry(tmp_path: Path) -> None:
    write_run(tmp_path / "source", "acme", burst(0.4, 50))
    import_llmperf(tmp_path / "source", tmp_path / "root", TODAY)
    (path,) = (tmp_path / "root").glob("submissions/acme/*/windows/*")
    path.write_bytes(path.read_bytes()[:-9])
    record, problems = record_of(tmp_path / "root")
    assert (record.entries, [p.code for p in problems]) == ((), ["AUD005"])
    assert verdicts(record) == ()
    assert "import the results first" in render_record(record)


def test_published_medians_stand_beside_and_tails_are_held_against_their_sample(tmp_path: Path) -> None:
    import_llmperf(FIXTURE, tmp_path / "root", TODAY)
    table = (FIXTURE / "published.csv").read_bytes()
    record, _ = record_of(tmp_path / "root", table)
    assert record.published_sha256 == hashlib.sha256(table).hexdigest()
    (small,) = (e for e in record.entries if (e.provider, e.model) == ("acme-cloud", "llama-2-7b-chat"))
    assert dict(small.published) == {TTFT: "0.30", SPEED: "25"}
    tails = {tail.statistic: (tail.needed, tail.figures, tail.of) for tail in record.uncarried}
    assert tails["p99"] == (299, 4, 4)


# -- in words ------------------------------------------------------------------------------------


def test_the_verdicts_say_what_the_planted_record_holds(record: Record) -> None:
    claims = [verdict.claim for verdict in verdicts(record)]
    left, unclear = len(record.claimable), sum(not found.stands for found in record.pairs)
    assert claims == [
        "20 of 400 requests failed.",
        "None of the 7 runs could be ranked here.",
        "3 of them had no business in a ranking, however measured.",
        "The runs of Llama 2 7B Chat are of 2 different days.",
        f"Of 42 differences between two providers, {left} can be claimed, and only of single bursts.",
        f"{len(record.standing) - left} differences look clear and still cannot be claimed.",
        f"{unclear} differences cannot be told from chance even so.",
    ]
    assert 0 < left < len(record.standing)


def test_the_report_is_100_columns_wide_and_names_every_provider(record: Record) -> None:
    text = render_record(record)
    assert max(map(len, text.splitlines())) <= 100
    assert all(found.provider in text for found in record.entries)


def test_a_record_is_read_back_as_it_was_written(record: Record) -> None:
    data = write_record(record)
    assert read_record(data) == record
    assert write_record(read_record(data)) == data
    with pytest.raises(ValueError, match="schema_version 9, 1 is expected"):
        read_record(write_record(dataclasses.replace(record, schema_version=9)))
    with pytest.raises(ValueError):
        read_record(b"{}")


def test_the_command_prints_the_record_for_people_and_for_machines(root: Path, record: Record) -> None:
    published = root.parent / "published.csv"
    published.write_text("metric,model_size,provider,model,statistic,value\n")

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        command = ("audit", str(published), "--root", str(root), "--record", *more)
        return subprocess.run(
            [sys.executable, "-m", "fairlead", *command],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    people, machine = run(), run("--json")
    assert (people.returncode, machine.returncode) == (0, 0), people.stderr + machine.stderr
    assert people.stdout == render_record(record)
    assert read_record(machine.stdout.encode()).pairs == record.pairs
    published.write_text("metric,model_size,provider,model,statistic,value\nttft_s,7b,nobody,x,median,1\n")
    wrong = run()
    assert (wrong.returncode, "AUD004" in wrong.stderr) == (1, True)


# -- the page ------------------------------------------------------------------------------------


def words(text: str) -> str:
    return " ".join(Outline(text).text.split())


def test_the_page_says_every_verdict_of_the_record_that_ships(tmp_path: Path) -> None:
    """A root without imported runs shows the committed record, whose evidence are the public files."""
    build(CHECKOUT, tmp_path / "site")
    page = (tmp_path / "site" / "record-2023" / "index.html").read_text("utf-8")
    shipped = read_record(SHIPPED.read_bytes())
    for verdict in verdicts(shipped):
        assert escape(verdict.claim) in page
        assert escape(verdict.detail) in page
    links = [link for link in Outline(page).values("href") if "/raw_data/" in link]
    assert len(links) == len(shipped.entries)
    assert all(link.endswith(f"_{size}.json") for link in links for size in re.findall(r"_(\d+b)\.", link))
    assert "<!-- fairlead:" not in page


def test_the_page_of_a_root_with_imported_runs_is_made_from_them(
    root: Path, record: Record, tmp_path: Path
) -> None:
    build(root, tmp_path / "site")
    folder = tmp_path / "site" / "record-2023"
    page = (folder / "index.html").read_text("utf-8")
    assert all(escape(verdict.claim) in page for verdict in verdicts(record))
    raw = [link for link in Outline(page).values("href") if "/raw/" in link]
    assert len(raw) == len(record.entries)
    assert all((folder / link).is_file() for link in raw)
    assert "lepton" not in words(page)


def test_a_name_that_is_markup_is_text_on_the_page(record: Record) -> None:
    hostile = dataclasses.replace(record, models=dict.fromkeys(record.models, HOSTILE))
    blocks = [*verdict_blocks(hostile), *table_blocks(hostile, is_live=True), *method_blocks(hostile)]
    assert not Outline("".join(blocks)).names & {"script", "img"}
    assert "&lt;script&gt;" in "".join(blocks)


def test_a_run_whose_records_are_broken_stops_the_build(root: Path, tmp_path: Path) -> None:
    """A request that contradicts its own record is a problem of the build, never left out in silence."""
    shutil.copytree(root, tmp_path / "root")
    (path,) = (tmp_path / "root").glob("submissions/acme/*/windows/*")
    text = gzip.decompress(path.read_bytes())
    broken = gzip.compress(re.sub(rb'"ttft_ns":\d+', b'"ttft_ns":1', text, count=1), mtime=0)
    manifest = path.parent.parent / "submission.yaml"
    for old, new in ((digest(path.read_bytes()), digest(broken)), (path.stat().st_size, len(broken))):
        manifest.write_text(manifest.read_text().replace(str(old), str(new)))
    path.write_bytes(broken)
    assert "AUD005" in {problem.code for problem in build(tmp_path / "root", tmp_path / "site").problems}


def test_no_number_of_the_record_is_typed_in_its_page() -> None:
    text = (SHIPPED.parent.parent / "record-2023.md").read_text()
    prose = re.sub(r"\]\([^)]*\)|<!--.*?-->|\{[^}]*\}", "", text)
    assert set(re.findall(r"\d+", prose)) == {"2023"}


def test_the_record_that_ships_is_counted_from_its_own_pairs_and_runs() -> None:
    shipped = read_record(SHIPPED.read_bytes())
    runs: dict[str, int] = {}
    for found in shipped.entries:
        runs[found.model] = runs.get(found.model, 0) + 1
        assert found.requests - found.successes == sum(part.count for part in found.failures)
    assert len(shipped.pairs) == sum(n * (n - 1) for n in runs.values())
    assert write_record(shipped) == SHIPPED.read_bytes()


def test_which_of_its_differences_stand_follows_from_its_p_values() -> None:
    """Holm's method, by hand: the smallest p-values at 0.05 / as many as are left, up to the first above."""
    shipped = read_record(SHIPPED.read_bytes())
    families: dict[tuple[str, str], list[Pair]] = {}
    for found in shipped.pairs:
        families.setdefault((found.model, found.quantity), []).append(found)
    assert len(families) == 6
    for family in families.values():
        ordered = sorted(family, key=lambda found: found.p_value)
        below = [found.p_value * (len(ordered) - place) <= 0.05 for place, found in enumerate(ordered)]
        standing = below.index(False) if False in below else len(below)
        assert [found.stands for found in ordered] == [place < standing for place in range(len(ordered))]


# -- the real data -------------------------------------------------------------------------------


@pytest.mark.llmperf
def test_the_record_that_ships_is_what_the_2023_data_gives(tmp_path: Path) -> None:
    """Made anew by ``fairlead audit published.csv --record --json`` over the imported runs."""
    named = os.environ.get("FAIRLEAD_LLMPERF")
    folder = Path(named) if named else CHECKOUT.parent / "shared" / "llmperf-leaderboard"
    if not (folder / "published.csv").is_file():
        pytest.skip("the 2023 results are not here; name their folder in FAIRLEAD_LLMPERF")
    import_llmperf(folder, tmp_path / "root", TODAY)
    record, problems = record_of(tmp_path / "root", (folder / "published.csv").read_bytes())
    assert problems == []
    assert record == read_record(SHIPPED.read_bytes())
    for found in record.entries:
        assert hashlib.sha256((folder / found.source).read_bytes()).hexdigest() == found.source_sha256
    assert (len(record.entries), len(record.pairs)) == (19, 106)
    assert {(e.provider, e.requests - e.successes) for e in record.kept_out} == {
        ("bedrock", 49),
        ("bedrock", 97),
        ("lepton", 130),
    }
    assert {(p.better, p.worse) for p in record.claimable} == {
        ("fireworks", "together"),
        ("together", "fireworks"),
    }
