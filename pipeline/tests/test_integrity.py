"""Detectors on invented submissions, honest and forged, and each test against its own closed form.

Seeds are fixed. The whole table, with many submissions of each kind, is `fairlead simulate integrity`; here
is one of each.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from fairlead import evidence, integrity, windows
from fairlead.cli import cli
from fairlead.forgery import honest, trials
from fairlead.forgery.frauds import FRAUDS, Fraud
from fairlead.forgery.honest import ENDPOINTS, Endpoint
from fairlead.integrity import Beside, IntegrityRules, Planned, Trace, clocks, copies, series
from fairlead.measure.workload import Workload
from fairlead.repository import load_repository
from fairlead.rules import RULES
from fairlead.windows import Connection, Outcome, Window

from .examples import MS, make_failure, make_header, make_load, make_request, make_tokens

CHECKOUT = Path(__file__).parents[2]
REPOSITORY, _ = load_repository(CHECKOUT)
LIMITS = integrity.limits(REPOSITORY.methodologies["1.0.0-rc"])
assert LIMITS is not None
LIMIT = LIMITS.false_alarm_share / len(integrity.TESTS)
SMALL = dataclasses.replace(ENDPOINTS[0], requests=12)


def codes(submission: honest.Submission) -> set[str]:
    return {finding.code for finding in trials.examine(submission, rules())}


def rules() -> IntegrityRules:
    assert LIMITS is not None
    return LIMITS


# -- honest and forged ---------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_an_honest_submission_is_not_named(endpoint: Endpoint) -> None:
    assert codes(honest.submit(endpoint, np.random.default_rng(7))) == set()


@pytest.mark.parametrize("fraud", [one for one in FRAUDS if one.code], ids=lambda fraud: fraud.name)
def test_each_fraud_that_files_show_is_named_by_its_rule(fraud: Fraud) -> None:
    assert fraud.code in codes(fraud.forge(fraud.endpoint, np.random.default_rng(7)))


@pytest.mark.parametrize(
    "fraud",
    [one for one in FRAUDS if one.code is None and one.name != "outages hidden"],
    ids=lambda one: one.name,
)
def test_what_no_file_can_show_is_not_named(fraud: Fraud) -> None:
    """Data drawn from a fitted distribution above all: only the rerun catches it."""
    assert codes(fraud.forge(fraud.endpoint, np.random.default_rng(7))) == set()


def test_the_committed_table_is_of_the_limits_in_force_and_holds_them() -> None:
    """A change of a limit asks for a new table; the file itself says which command makes it."""
    table = json.loads((CHECKOUT / "site/content/assets/integrity.json").read_text("utf-8"))
    assert table["rules"] == json.loads(json.dumps(dataclasses.asdict(rules())))
    found = [trials.Trial(**{k: v for k, v in one.items() if k != "fault"}) for one in table["results"]]
    assert [one.kind for one in found] == [each.name for each in (*ENDPOINTS, *FRAUDS)]
    named = sum(one.named for one in found if one.is_honest)
    total = sum(one.submissions for one in found if one.is_honest)
    assert total >= 2000
    # As many as the allowed share makes likely, to one in a thousand.
    assert named <= scipy_stats.binom.ppf(0.999, total, rules().false_alarm_share)
    assert [one.kind for one in found if one.fault] == []
    drawn = next(one for one in found if one.kind == "drawn from a fit")
    assert drawn.named / drawn.submissions <= 0.05


def test_the_command_prints_a_line_a_kind_and_the_table_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    few = (dataclasses.replace(SMALL, name="small"),)
    monkeypatch.setattr(trials.trials, "__kwdefaults__", {"endpoints": few, "frauds": FRAUDS[:1]})
    asked = ["simulate", "integrity", "--submissions", "2", "--forged", "3", "--root", str(CHECKOUT)]
    words = CliRunner().invoke(cli, asked)
    assert words.exit_code == 0, words.output
    assert [line.split("  ")[0] for line in words.stdout.splitlines()] == ["small", FRAUDS[0].name]
    machine = json.loads(CliRunner().invoke(cli, [*asked, "--json"]).stdout)
    assert machine["command"] == "fairlead simulate integrity --submissions 2 --forged 3 --seed 1 --json"
    assert [one["named"] for one in machine["results"]] == [0, 3]


def test_a_fraud_that_slips_through_is_a_fault() -> None:
    seen = trials.Trial("x", "", False, "INT004", 20, 20, 0.8, 1.0, {"INT006": 20, "INT004": 18})
    assert seen.fault == "too blind"
    assert dataclasses.replace(seen, by_code={"INT004": 19}).fault is None


def test_every_fraud_and_every_finding_has_a_rule() -> None:
    assert {fraud.code for fraud in FRAUDS} - {None} <= RULES.keys()


# -- real windows --------------------------------------------------------------------------------


def test_the_committed_windows_of_the_reference_are_not_named() -> None:
    """By the limits of the candidate, although they were measured under drafts that have none."""
    groups: dict[tuple[str, int | None], list[Trace]] = {}
    asked = Workload(input_words=400, max_tokens=150)
    for path in sorted((CHECKOUT / "submissions/reference").glob("*/windows/*.gz")):
        window = windows.decode_window(path.read_bytes())
        key = (path.parts[-3], window.header.load.concurrency)
        groups.setdefault(key, []).append(integrity.observe(str(path), window, asked, rules()))
    assert sum(map(len, groups.values())) >= 9
    for traces in groups.values():
        assert [finding for trace in traces for finding in trace.findings] == []
        assert integrity.examine(traces, rules()) == ()


def test_the_site_and_the_check_see_the_same_claims() -> None:
    found, problems = evidence.load_evidence(REPOSITORY)
    assert problems == []
    claims = evidence.findings_of_claims(REPOSITORY, found)
    assert claims.keys() == REPOSITORY.submissions.keys()
    assert not any(claims.values())


# -- copies --------------------------------------------------------------------------------------


def trace(gaps: Sequence[Sequence[int]], **changes: Any) -> Trace:
    """A trace of requests one after another with these gaps, each with a prompt of its own."""
    count = len(gaps)
    sent = np.arange(count) * 10_000 * MS
    fields: dict[str, Any] = {
        "path": changes.pop("path", "windows/a.jsonl.gz"),
        "start_unix_ns": 0,
        "plan_index": 0,
        "is_whole": True,
        "requests": count,
        "failures": 0,
        "i": np.arange(count),
        "sent_ns": sent,
        "done_ns": sent + 9_000 * MS,
        "ttft_ns": np.full(count, 200 * MS),
        "gaps": tuple(np.array(row, dtype=np.int64) for row in gaps),
        "body": tuple(f"{changes.get('path', 'a')}{at}" for at in range(count)),
        "text": ((0, ""),) * count,
        "stamps": np.arange(0),
        "wire_ns": None,
        "findings": (),
    }
    return Trace(**(fields | changes))


def drawn_gaps(seed: int, count: int, length: int = 100) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return np.exp(rng.normal(16, 0.2, (count, length))).astype(np.int64).tolist()


@given(
    st.lists(st.integers(MS, 50 * MS), min_size=12, max_size=12, unique=True),
    st.floats(0.3, 3),
    st.integers(0, MS),
)
def test_a_copy_is_found_whatever_constant_it_was_multiplied_by_and_moved(
    gaps: list[int], times: float, plus: int
) -> None:
    assume(np.std(gaps) > 1000)
    copy = [round(times * gap) + plus for gap in gaps]
    found = list(copies.copied([trace([*drawn_gaps(1, 20), gaps, copy])], rules()))
    assert [(one.code, one.requests) for one in found] == [("INT004", (21,))]


def test_a_copy_that_is_off_by_more_than_the_tolerance_is_none() -> None:
    gaps = drawn_gaps(1, 1)[0]
    near = [gap + (40 if at % 2 else -40) for at, gap in enumerate(gaps)]
    assert list(copies.copied([trace([gaps, near])], rules())) == []


def test_requests_that_asked_the_very_same_may_look_alike() -> None:
    gaps = drawn_gaps(1, 6)
    first, again = trace(gaps, body=tuple("abcdef")), trace(gaps, body=tuple("abcdef"), path="windows/b")
    assert list(copies.copied([first, again], rules())) == []
    assert list(copies.similar([first, again], rules(), LIMIT)) == []


def test_the_tail_of_an_alike_pair_is_no_lighter_than_that_of_all_orders() -> None:
    """INT006 against every order of seven gaps: what its p-value says is never below how often it happens."""
    scores = copies.special.ndtri((np.arange(7) + 0.5) / 7)
    scores /= np.sqrt(np.square(scores).sum())
    every = np.sort([float(scores @ scores[list(order)]) for order in itertools.permutations(range(7))])
    for share in (0.1, 0.01, 0.002):
        r = every[-int(share * len(every))]
        pairs = copies._Pairs(np.zeros(1, int), np.zeros(1, int), np.array([r]), 1, usual=0.0001)
        alone = copies._Scores(np.zeros((1, 7), np.float32), *(np.zeros(1, int),) * 5, gaps=7)
        assert copies._tails(pairs, alone)[0] >= np.mean(every >= r - 1e-12)


def test_gaps_that_a_coarse_clock_made_equal_are_no_likeness() -> None:
    """Of a few lengths many a sequence comes twice; equal gaps share their rank, in whatever order."""
    rng = np.random.default_rng(8)
    coarse = rng.choice([9, 10, 11], (60, 100), p=[0.05, 0.9, 0.05]) * MS
    assert list(copies.similar([trace(coarse.tolist())], rules(), LIMIT)) == []
    ranks = copies._mid_ranks(np.array([[3.0, 1.0, 3.0, 2.0, 3.0, 1.0]]))
    assert ranks.tolist() == [[4.0, 0.5, 4.0, 2.0, 4.0, 0.5]]


def test_gaps_that_hang_together_are_worth_fewer() -> None:
    """Two replies that both slowed down half way look alike, and are not named for it; a copy is."""
    rng = np.random.default_rng(9)
    steps = np.where(np.arange(100) < 50, 16.0, 17.0)
    slowing = np.exp(steps + rng.normal(0, 0.3, (2, 100)))
    plain = np.exp(rng.normal(16, 0.3, (40, 100)))
    noisy = plain[:1] * np.exp(rng.normal(0, 0.15, (1, 100)))
    both, copy = (np.concatenate(made).astype(int).tolist() for made in ((plain, slowing), (noisy,)))
    assert list(copies.similar([trace(both)], rules(), LIMIT)) == []
    with_a_copy = trace([*both, *copy])
    assert [one.requests for one in copies.similar([with_a_copy], rules(), LIMIT)] == [(42,)]


def test_requests_under_way_together_may_share_the_steps_of_their_server() -> None:
    rng = np.random.default_rng(3)
    own = drawn_gaps(2, 10)
    shared = [[gap + int(rng.integers(0, 20_000)) for gap in own[0]] for _ in range(2)]
    apart = trace([*own[1:], *shared])
    assert [one.code for one in copies.similar([apart], rules(), LIMIT)] == ["INT006"]
    together = trace([*own[1:], *shared], sent_ns=apart.sent_ns * 0, done_ns=apart.sent_ns * 0 + MS)
    assert list(copies.similar([together], rules(), LIMIT)) == []


def test_a_straight_line_is_drawn_and_gaps_that_jitter_by_a_microsecond_are_not() -> None:
    rng = np.random.default_rng(4)
    line = np.linspace(0, 1_000_000_007, 40).round().astype(np.int64)
    for stamps, expected in ((line, ["INT005"]), (line + rng.integers(0, 1000, 40), [])):
        chunks = [200 * MS, *np.diff(stamps).tolist()]
        window = Window(header=make_header(), requests=[make_request(chunk_ns=chunks)])
        assert [one.code for one in integrity.observe("a", window, None, rules()).findings] == expected


def test_an_endpoint_that_always_says_the_same_is_not_named_for_it() -> None:
    gaps = drawn_gaps(1, 5)
    same = trace(gaps, text=((500, "x"),) * 5)
    some = trace(gaps, text=tuple((500, digest) for digest in ("x", "y", "x", "z", "w")))
    short = trace(gaps, text=tuple((50, digest) for digest in ("x", "y", "x", "z", "w")))
    assert list(copies.repeated_texts([same], rules())) == []
    assert [one.requests for one in copies.repeated_texts([some], rules())] == [(2,)]
    assert list(copies.repeated_texts([short], rules())) == []


# -- clocks --------------------------------------------------------------------------------------


def stamped(stamps: Any) -> Trace:
    return trace([], stamps=np.unique(np.array(stamps, dtype=np.int64)))


@pytest.mark.parametrize("mhz", [1000, 54, 25, 24, 10])
def test_a_clock_that_ticks_finer_than_a_microsecond_gives_no_grid(mhz: int) -> None:
    stamps = np.random.default_rng(5).integers(0, 10**11, 20_000) * 1000 // mhz
    assert list(clocks.grid([stamped(stamps)], rules(), LIMIT)) == []
    assert list(clocks.digits([stamped(stamps)], rules(), LIMIT)) == []


def test_one_stamp_in_fifty_on_a_microsecond_is_a_grid() -> None:
    stamps = np.random.default_rng(5).integers(0, 10**11, 20_000)
    stamps[::50] = stamps[::50] // 1000 * 1000
    (found,) = clocks.grid([stamped(stamps)], rules(), LIMIT)
    assert found.p_value is not None
    assert found.p_value < 1e-100


@pytest.mark.parametrize(("count", "of", "share"), [(3, 30, 0.05), (0, 9, 0.5), (9, 9, 0.5), (14, 20, 0.5)])
def test_a_binomial_tail_is_the_exact_one(count: int, of: int, share: float) -> None:
    expected = scipy_stats.binom.sf(count - 1, of, share)
    assert clocks._binomial_tail(count, of, share) == pytest.approx(expected)


def test_a_wire_is_judged_by_windows_and_not_within_its_slack() -> None:
    def of(handshake_ms: int, reply_ms: int, count: int) -> list[str]:
        traces = [trace([], wire_ns=(handshake_ms * MS, reply_ms * MS)) for _ in range(count)]
        return [one.code for one in clocks.wire(traces, rules(), LIMIT)]

    assert of(100, 90, 13) == ["INT008"]  # 2 ** -13 is below one in seven thousand, 2 ** -12 is not
    assert of(100, 90, 12) == []
    assert of(100, 96, 40) == []


# -- windows of a claim --------------------------------------------------------------------------


def test_windows_that_vary_as_their_requests_do_are_not_too_even() -> None:
    """The law behind INT012: over many honest claims its p-value is uniform, so one in ten is below 0.1."""
    rng, below = np.random.default_rng(6), 0
    for _ in range(400):
        ttfts = np.exp(rng.normal(19, 0.3, (24, 30))).astype(np.int64)
        traces = [trace([[]] * 30, ttft_ns=row) for row in ttfts]
        below += bool(list(series.spread(traces, 0.2)))  # doubled, for two sides are tested
    assert below / 400 == pytest.approx(0.1, abs=0.045)


@given(st.lists(st.lists(st.integers(0, 5), min_size=2, max_size=4), min_size=1, max_size=4))
def test_the_tail_of_a_sum_is_that_of_all_its_combinations(ways: list[list[int]]) -> None:
    sums = [sum(chosen) for chosen in itertools.product(*ways)]
    exact = np.mean(np.array(sums) >= sum(way[0] for way in ways))
    assert series._sum_tail([np.array(way, dtype=np.float64) for way in ways]) == pytest.approx(exact)


def plan_of(days: int) -> list[Planned]:
    start = dt.datetime(2027, 1, 18, tzinfo=dt.UTC)
    times = (start + dt.timedelta(days=day, hours=hour) for day in range(days) for hour in honest.HOURS)
    return [Planned(index, at) for index, at in enumerate(times)]


SLOW_AT_SEVEN = [Beside(hour * 3600 * 10**9, 30, 0, 900.0 if hour == 7 else 300.0) for hour in range(24)]


def missing(plan: Sequence[Planned], gone: set[int]) -> list[str]:
    traces = [trace([], plan_index=one.index) for one in plan if one.index not in gone]
    return [one.code for one in series.hours(traces, plan, SLOW_AT_SEVEN, LIMIT)]


def test_a_week_without_its_slow_hours_is_named_and_six_days_are_not() -> None:
    for days, expected in ((7, ["INT010"]), (6, [])):
        plan = plan_of(days)
        assert missing(plan, {one.index for one in plan if one.not_before.hour == 7}) == expected


def test_a_week_without_some_other_hour_or_a_day_without_any_is_not_named() -> None:
    plan = plan_of(7)
    assert missing(plan, {one.index for one in plan if one.not_before.hour == 13}) == []
    assert missing(plan, {0, 1, 2, 3}) == []


@pytest.mark.parametrize(
    ("count", "drawn", "marked", "of"), [(0, 28, 48, 76), (2, 10, 12, 30), (5, 10, 5, 20)]
)
def test_a_hypergeometric_tail_is_the_exact_one(count: int, drawn: int, marked: int, of: int) -> None:
    expected = scipy_stats.hypergeom.cdf(count, of, marked, drawn)
    assert series._hypergeometric_lower(count, drawn, marked, of) == pytest.approx(expected)


def test_failures_are_not_judged_without_neutral_windows() -> None:
    assert list(series.failures([trace([])] * 30, [], LIMIT)) == []
    failing = [Beside(0, 30, 3, None)] * 30
    assert [one.code for one in series.failures([trace([])] * 30, failing, LIMIT)] == ["INT011"]
    assert list(series.failures([trace([], failures=1)] * 30, failing, LIMIT)) == []


# -- single windows ------------------------------------------------------------------------------


def seen(*requests: windows.Request, **header: Any) -> list[tuple[str, tuple[int, ...]]]:
    window = Window(header=make_header(**header), requests=list(requests))
    return [(one.code, one.requests) for one in integrity.observe("a", window, None, rules()).findings]


def at(i: int, sent_ms: int, **changes: Any) -> windows.Request:
    chunks = [(sent_ms + 100) * MS, 10 * MS, 12 * MS]
    fields = {"sent_ns": sent_ms * MS, "headers_ns": (sent_ms + 50) * MS, "chunk_ns": chunks}
    return make_request(i=i, **(fields | changes))


def test_a_stream_that_never_waits_is_in_order_and_one_that_does_has_a_hole() -> None:
    assert seen(at(0, 0), at(1, 200), at(2, 1200)) == []
    assert seen(at(0, 0), at(1, 100)) == [("INT001", (1,))]
    assert seen(at(0, 0), at(1, 2000)) == [("INT009", (1,))]
    open_load = make_load(kind="open", rate_per_s=1.0, arrivals="poisson")
    assert seen(at(0, 0), at(1, 2000), load=open_load) == []


def test_what_connecting_took_or_a_failed_connection_is_no_hole() -> None:
    slow = Connection(reused=False, dns_ns=None, tcp_ns=1900 * MS, tls_ns=None)
    assert seen(at(0, 0), at(1, 2100, connection=slow)) == []
    lost = make_failure(Outcome.CONNECT, i=1, sent_ns=None, headers_ns=None, done_ns=2000 * MS)
    assert seen(at(0, 0), lost, at(2, 2001)) == []


def test_a_prompt_that_is_mostly_cached_is_named_unless_it_repeats_another() -> None:
    warm, cool = make_tokens(usage_input=500, usage_cached=400), make_tokens(usage_input=500, usage_cached=64)
    assert seen(at(0, 0, tokens=warm), at(1, 200, tokens=cool)) == [("INT015", (0,))]
    assert seen(at(0, 0, tokens=warm, probe="repeat-0")) == []


def test_limits_are_not_looked_for_where_the_methodology_states_none() -> None:
    window = Window(header=make_header(), requests=[at(0, 0), at(1, 2000)])
    assert integrity.observe("a", window, None, None).findings == ()
    assert integrity.findings({}, None, REPOSITORY.methodologies["0.2.0"], {}) == []


def test_texts_are_held_against_their_chunks_kind_by_kind() -> None:
    fields = {"chunk_kind": "r1t2", "chunk_chars": [3, 1, 2], "reasoning": "abc", "text": "def"}
    assert seen(at(0, 0, **fields)) == []
    assert seen(at(0, 0, **(fields | {"reasoning": "abcd"}))) == [("INT002", (0,))]
    assert seen(at(0, 0, **(fields | {"reasoning": None}))) == []


def test_a_certificate_fits_the_client_and_the_load_that_it_was_taken_with() -> None:
    header = next(
        windows.decode_window(path.read_bytes()).header
        for path in sorted((CHECKOUT / "submissions/reference").glob("*certified/windows/*.gz"))
    )
    assert header.calibration.before is not None
    folder = CHECKOUT / "submissions/reference/2026-11-23-certified/calibrations"
    from fairlead.measure.certificate import decode_report

    report = decode_report((folder / f"{header.calibration.before.sha256}.json.gz").read_bytes())
    assert list(integrity.certificate_misfits(header, report)) == []
    tool = msgspec.structs.replace(header.tool, source_sha256="0" * 64)
    load = msgspec.structs.replace(header.load, concurrency=64)
    for change in ({"tool": tool}, {"load": load}, {"http": "2"}):
        other = msgspec.structs.replace(header, **change)
        assert len(list(integrity.certificate_misfits(other, report))) == 1
