"""What replies say of the model: answers, lengths, repeats, and providers held against each other."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import itertools
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import numpy as np
import pytest
from scipy import stats as scipy_stats

from fairlead import fidelity
from fairlead.fidelity import (
    ALL,
    LENGTH,
    Answers,
    Caching,
    FidelityRules,
    Judgement,
    Lengths,
    Repeat,
    Sample,
    Tally,
    Wrong,
    judge,
    observe,
)
from fairlead.fidelity.judgement import _Null, _pearson_quantile, _pearson_tail
from fairlead.measure import workload as prompts
from fairlead.measure.plan import Plan
from fairlead.measure.reference import start_reference
from fairlead.measure.runner import measure_window
from fairlead.measure.truth import ReferenceProfile
from fairlead.measure.workload import PROBE_KINDS, Probe, Workload
from fairlead.metrics import Undefined
from fairlead.ranking import INTERVALS
from fairlead.windows import Connection, Outcome, Request, Window
from fairlead.windows import Workload as Named

from .examples import MS, make_failure, make_header, make_request, make_tokens

CHAT = Workload(input_words=40, max_tokens=100)
PROBES = Workload(input_words=40, max_tokens=100, kind="probes")
REPEATS = Workload(input_words=40, max_tokens=100, kind="chat-repeats")
SEED = "00ff"
RULES = FidelityRules(providers_min=3, windows_min=6, family_error=0.05, length_min_share=0.9)
REUSED = Connection(reused=True, dns_ns=None, tcp_ns=None, tls_ns=None)


def answered(probe: Probe, answer: str | None = None) -> dict[str, str | None]:
    """The text or call of a reply that gives an answer, the right one unless told otherwise."""
    if probe.kind == "tool-call":
        return {"text": None, "tool_calls": json.dumps([json.loads(answer or probe.expected)])}
    return {"text": f"Answer: {answer or probe.expected}\n\nOnce upon a time", "tool_calls": None}


def window(
    asked: Workload, reply: Callable[[int, Probe | None], Request], n: int = 120, **header: Any
) -> Window:
    fields: dict[str, Any] = {
        "seed": SEED,
        "workload": Named(id=prompts.ID, sha256=prompts.definition_sha256(asked)),
    }
    requests = [reply(i, prompts.probe(asked, SEED, i)) for i in range(n)]
    return Window(header=make_header(**(fields | header)), requests=requests)


def right(i: int, probe: Probe | None) -> Request:
    return make_request(i=i, **(answered(probe) if probe else {"text": "Answer: a title\n\nOnce"}))


def seen(window_: Window, workload: Workload) -> Answers:
    found = observe(window_, workload)
    assert isinstance(found, Answers)
    return found


# -- answers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("workload", [CHAT, PROBES])
def test_every_probe_that_is_answered_right_is_counted_so(workload: Workload) -> None:
    found = seen(window(workload, right), workload)
    labels = [prompts.label(workload, SEED, i) for i in range(120)]
    assert {kind: tally.asked for kind, tally in found.tallies.items()} == {
        kind: labels.count(kind) for kind in PROBE_KINDS if kind in labels
    }
    assert all(tally.asked == tally.answered == tally.right for tally in found.tallies.values())
    assert found.wrong == ()


def test_a_wrong_answer_is_kept_with_what_was_asked_expected_and_said() -> None:
    def reply(i: int, probe: Probe | None) -> Request:
        return make_request(i=i, text="Sure!\nAnswer: `elephants`\nmore") if probe else right(i, probe)

    found = seen(window(PROBES, reply), PROBES)
    assert sum(tally.right for tally in found.tallies.values()) == 0
    first = found.wrong[0]
    probe = prompts.probe(PROBES, SEED, first.i)
    assert probe is not None
    assert (first.kind, first.asked, first.expected) == (probe.kind, probe.question, probe.expected)
    numbers = next(wrong for wrong in found.wrong if wrong.kind == "numerals")
    assert numbers.said == "elephants"


@pytest.mark.parametrize(
    "silent",
    [
        lambda i: make_failure(i=i),
        lambda i: make_failure(Outcome.REFUSED, i=i, status=400),
        lambda i: make_failure(Outcome.TRUNCATED, i=i, text="Answer: 1"),
        lambda i: make_request(i=i, text=None, reasoning="so much to think of", finish="length"),
        lambda i: make_request(i=i, text="<think>\nAnswer: 1, or 2, or", finish="length"),
    ],
)
def test_a_failure_and_a_reply_of_thoughts_alone_are_asked_and_not_answered(
    silent: Callable[[int], Request],
) -> None:
    found = seen(window(PROBES, lambda i, _: silent(i)), PROBES)
    for tally in found.tallies.values():
        assert (tally.asked > 0, tally.answered, tally.right) == (True, 0, 0)
    assert found.wrong == ()


def test_a_model_that_declines_in_words_has_answered_wrong() -> None:
    found = seen(window(PROBES, lambda i, _: make_request(i=i, text="I cannot help with that.")), PROBES)
    assert all(tally.answered == tally.asked and not tally.right for tally in found.tallies.values())


def test_what_was_asked_is_made_again_and_not_taken_from_the_record() -> None:
    """A record whose labels are gone, or lie, is scored all the same."""

    def reply(i: int, probe: Probe | None) -> Request:
        return msgspec.structs.replace(right(i, probe), probe="numerals" if probe is None else None)

    assert seen(window(CHAT, reply), CHAT).tallies == seen(window(CHAT, right), CHAT).tallies


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"seed": None}, "does not say what was asked"),
        ({"workload": None}, "does not say what was asked"),
        ({"workload": Named(id=prompts.ID, sha256="0" * 64)}, "other prompts"),
        ({"workload": Named(id="other", sha256=prompts.definition_sha256(CHAT))}, "other prompts"),
    ],
)
def test_a_window_of_unknown_prompts_has_a_reason(header: dict[str, Any], reason: str) -> None:
    found = observe(window(CHAT, right, **header), CHAT)
    assert isinstance(found, Undefined)
    assert reason in found.reason


@pytest.mark.parametrize("i", [-1, 2**63 - 1])
@pytest.mark.parametrize("workload", [CHAT, PROBES, REPEATS])
def test_a_hostile_number_of_a_request_is_no_error(i: int, workload: Workload) -> None:
    hostile = window(workload, lambda _, __: make_request(i=i, text="{" * 70_000, tool_calls="["), n=1)
    assert sum(tally.right for tally in seen(hostile, workload).tallies.values()) == 0


# -- length --------------------------------------------------------------------------------------


def test_lengths_are_in_the_band_or_flagged_by_kind() -> None:
    """Of a limit of 100 at 0.9: 90 to 111 are in the band."""
    replies = {
        0: (90, "length"),
        1: (111, "stop"),
        2: (89, "stop"),
        3: (89, "max_tokens"),
        4: (112, "length"),
    }

    def reply(i: int, _: Probe | None) -> Request:
        if i == 5:
            return make_failure(i=i)
        tokens, finish = replies.get(i, (None, "stop"))
        return make_request(i=i, tokens=make_tokens(counted=tokens), finish=finish)

    found = seen(window(CHAT, reply, n=7), CHAT)
    assert found.lengths is not None
    shares = fidelity.length_shares([found.lengths, found.lengths], 0.9)
    assert (shares.in_band, shares.early_stop, shares.short_at_limit, shares.beyond) == (4, 2, 2, 2)
    assert (shares.uncounted, shares.counted) == (2, 10)
    assert fidelity.out_of_band(found.lengths, 0.9) == [2, 3, 4]


def test_short_probes_have_no_band() -> None:
    assert seen(window(PROBES, right), PROBES).lengths is None


# -- repeats -------------------------------------------------------------------------------------


def repeats(ratio: float, **changes: Mapping[int, Any]) -> Window:
    """One request after the other, 100 ms each at the first time and ``ratio`` of that at the second."""

    def reply(i: int, _: Probe | None) -> Request:
        first = prompts.repeated(REPEATS, SEED, i)
        wait = 100 * MS if first is None else round(100 * MS * ratio)
        sent = i * 1_000 * MS
        fields: dict[str, Any] = {
            "i": i,
            "sent_ns": sent,
            "headers_ns": sent,
            "chunk_ns": [sent + wait, MS],
            "connection": REUSED,
            "tokens": make_tokens(counted=2, usage_cached=0 if first is None else 30),
        }
        return make_request(**(fields | {name: of[i] for name, of in changes.items() if i in of}))

    return window(REPEATS, reply, n=60)


def test_every_repeat_is_paired_with_its_first() -> None:
    found = seen(repeats(0.5), REPEATS)
    assert len(found.repeats) == 14
    for pair in found.repeats:
        assert prompts.repeated(REPEATS, SEED, pair.again) == pair.first
        assert (pair.first_ns, pair.again_ns) == (100 * MS, 50 * MS)
    assert found.tallies == {}


def test_a_pair_that_overlaps_failed_or_had_to_connect_is_none() -> None:
    first, again = [i for i in range(60) if prompts.repeated(REPEATS, SEED, i) is not None], {}
    again = {i: prompts.repeated(REPEATS, SEED, i) for i in first}
    a, b, c, d = first[:4]
    cold = Connection(reused=False, dns_ns=0, tcp_ns=MS, tls_ns=None)
    changed = repeats(
        0.5,
        done_ns={again[a]: a * 1_000 * MS + 1},
        outcome={b: Outcome.TIMEOUT},
        connection={again[c]: cold, d: cold},
    )
    assert {pair.again for pair in seen(changed, REPEATS).repeats} == set(first) - {a, b, c, d}


def pairs(seed: int, ratio: float, windows: int = 8) -> list[Answers]:
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(windows):
        level = np.exp(rng.normal(0, 0.05))
        times = [
            (100e6 * np.exp(rng.normal(0, 0.3)), 100e6 * level * np.exp(rng.normal(0, 0.3)))
            for _ in range(20)
        ]
        repeats_ = tuple(
            Repeat(i, i + 1, round(first), round(again * ratio), None, None)
            for i, (first, again) in enumerate(times)
        )
        found.append(Answers({}, (), None, repeats_))
    return found


def cached(windows: list[Answers]) -> Caching:
    found = fidelity.caching(windows, rules=INTERVALS)
    assert isinstance(found, Caching)
    return found


def test_a_cache_is_seen_with_its_figures() -> None:
    found = cached([seen(repeats(0.25), REPEATS)] * 2)
    assert found.is_shown
    assert found.ratio.value == pytest.approx(0.25)
    assert (found.first_ms, found.again_ms, found.said_cached, found.said) == (100, 25, 28, 28)
    assert "100 ms at the first time and 25 ms at the second" in found.words
    assert found.words.endswith("so repeats are served from a cache")


def test_no_cache_is_seen_in_equal_times_and_one_window_cannot_tell() -> None:
    assert sum(cached(pairs(seed, 1.0)).is_shown for seed in range(200)) <= 10
    assert all(cached(pairs(seed, 0.6)).is_shown for seed in range(20))
    alone = cached(pairs(1, 0.1, windows=1))
    assert not alone.is_shown
    assert "cannot be told: one window gives no interval" in alone.words


def test_without_a_pair_there_is_a_reason() -> None:
    assert isinstance(fidelity.caching([], rules=INTERVALS), Undefined)
    assert isinstance(fidelity.caching([seen(window(CHAT, right), CHAT)], rules=INTERVALS), Undefined)


# -- providers against each other ----------------------------------------------------------------


def sample(
    provider: str, number: int, counts: Mapping[str, tuple[int, int]], stratum: str = "s", **more: Any
) -> Sample:
    """A window with (right, answered) by kind; the wrong ones are numbered from 0."""
    tallies = {kind: Tally(asked=of, answered=of, right=good) for kind, (good, of) in counts.items()}
    wrong = [kind for kind, (good, of) in counts.items() for _ in range(of - good)]
    found = tuple(Wrong(i, kind, "the question", "right", "wrong") for i, kind in enumerate(wrong))
    answers = Answers(tallies, found, more.get("lengths"), ())  # type: ignore[arg-type]
    return Sample(provider, stratum, f"{provider}/{stratum}/{number}", answers)


KINDS = PROBE_KINDS[:5]


def board(
    seed: int, accuracy: Mapping[str, float], *, probes: int = 8, windows: int = 24, correlation: float = 0.05
) -> list[Sample]:
    """Beta-binomial windows: answers of one window share their luck; kinds come in turn."""
    rng = np.random.default_rng(seed)
    samples = []
    for (provider, share), number in itertools.product(accuracy.items(), range(windows)):
        spread = (1 - correlation) / correlation
        luck = rng.beta(share * spread, (1 - share) * spread)
        asked = np.bincount((np.arange(probes) + number * probes) % len(KINDS), minlength=len(KINDS))
        counts = {
            kind: (int(rng.binomial(n, luck)), int(n)) for kind, n in zip(KINDS, asked, strict=True) if n
        }
        samples.append(sample(provider, number, counts))
    return samples


def providers(accuracy: float, **others: float) -> dict[str, float]:
    return {f"p{i}": accuracy for i in range(8 - len(others))} | others


def accused(judgement: Judgement) -> set[str]:
    return {finding.provider for finding in judgement.findings}


def test_honest_providers_are_hardly_ever_accused() -> None:
    """Eight alike, 24 windows of 8 probes, clustered by window: at most 5 % of boards hold a finding."""
    for accuracy, correlation in ((0.8, 0.05), (0.95, 0.05), (0.95, 0.2), (0.99, 0.2)):
        boards = [board(seed, providers(accuracy), correlation=correlation) for seed in range(60)]
        assert sum(bool(judge(each, RULES).findings) for each in boards) <= 3


def test_a_model_that_is_ten_points_worse_is_found_and_no_other_is() -> None:
    """95 % against 85 %, 24 windows of 43 probes (a round of three scenarios): found in at least 90 %."""
    boards = [board(seed, providers(0.95, bad=0.85), probes=43) for seed in range(30)]
    found = [accused(judge(each, RULES)) for each in boards]
    assert sum("bad" in names for names in found) >= 27
    assert all(names <= {"bad"} for names in found)


def test_one_rival_that_answers_better_than_the_model_can_makes_no_finding_about_the_others() -> None:
    """Seven at 80 %, one at 100 %: held against all, a quarter of these boards would accuse somebody."""
    boards = [board(seed, providers(0.8, rival=0.9999), probes=43, correlation=0.01) for seed in range(40)]
    assert sum(bool(accused(judge(each, RULES))) for each in boards) <= 3


def test_a_finding_carries_its_evidence() -> None:
    judgement = judge(board(1, providers(0.98, bad=0.5)), RULES)
    finding = next(each for each in judgement.findings if each.question == ALL)
    assert finding.provider == "bad"
    assert finding.score.answered - finding.score.right == len(finding.wrong)
    assert finding.score.right < finding.score.bound < finding.score.expected
    assert sum(len(numbers) for _, numbers in finding.requests) == len(finding.wrong)
    assert {path for path, _ in finding.wrong} == {path for path, _ in finding.requests}
    assert all(path.startswith("bad/") for path, _ in finding.requests)
    copies = next(each for each in judgement.findings if each.question == "copy")
    assert {wrong.kind for _, wrong in copies.wrong} == {"copy"}


def test_replies_out_of_the_band_are_a_finding_with_their_numbers() -> None:
    rng = np.random.default_rng(1)

    def lengths(share: float) -> Lengths:
        tokens = np.where(rng.random(30) < share, 100, 40)
        return Lengths(100, np.arange(30), tokens, np.ones(30, dtype=bool), 0)

    samples = [
        sample(name, number, {}, lengths=lengths(0.6 if name == "brief" else 0.97))
        for name in ("a", "b", "c", "brief")
        for number in range(8)
    ]
    judgement = judge(samples, RULES)
    assert [(each.provider, each.question) for each in judgement.findings] == [("brief", LENGTH)]
    path, numbers = judgement.findings[0].requests[0]
    assert path == "brief/s/0"
    own = samples[24].answers.lengths
    assert own is not None
    assert [int(own.tokens[i]) for i in numbers] == [40] * len(numbers)


def test_scenarios_are_not_mixed_up() -> None:
    """A provider measured mostly in the scenario that all find hard is not worse for it."""
    easy, hard = {"recall": (10, 10)}, {"recall": (5, 10)}
    samples = [
        sample(name, number, hard if stratum == "hard" else easy, stratum)
        for name, numbers in {"a": (6, 40), "b": (40, 6), "c": (20, 20), "d": (20, 20)}.items()
        for stratum, count in zip(("hard", "easy"), numbers, strict=True)
        for number in range(count)
    ]
    judgement = judge(samples, RULES)
    assert judgement.findings == ()
    assert judgement.scores["b", "recall"].expected == 40 * 5 + 6 * 10


@pytest.mark.parametrize(("names", "windows", "enough"), [("ab", 24, 2), ("abc", 5, 0), ("", 0, 0)])
def test_too_few_providers_or_windows_are_a_stated_reason(names: str, windows: int, enough: int) -> None:
    judgement = judge(board(1, dict.fromkeys(names, 0.9), windows=windows), RULES)
    assert (judgement.findings, judgement.scores) == ((), {})
    assert set(judgement.reasons) == set(fidelity.QUESTIONS)
    of = f"{enough} of {len(names)} providers have 6 windows with an answer, 3 are needed"
    assert judgement.reasons[ALL] == of


def test_two_providers_are_never_enough_whatever_the_rules_say() -> None:
    rules = FidelityRules(providers_min=1, windows_min=1, family_error=0.5, length_min_share=0.9)
    assert not judge(board(1, {"a": 0.99, "b": 0.1}), rules).scores


def test_identical_windows_and_perfect_ones_accuse_nobody() -> None:
    for counts in ({"copy": (3, 3)}, {"copy": (0, 3)}, {"copy": (2, 3)}):
        samples = [sample(name, number, counts) for name in "abcd" for number in range(8)]
        judgement = judge(samples, RULES)
        assert judgement.findings == ()
        assert {score.p_value for score in judgement.scores.values()} == {1.0}


# -- the distribution that a score is held against -----------------------------------------------


def test_the_three_moments_are_those_of_all_ways_to_deal_windows_out() -> None:
    """Eight windows, three of them the provider's: all 56 ways, counted out."""
    right_ = np.array([[3.0], [1], [4], [1], [5], [2], [6], [0]])
    answered_ = np.array([[4.0], [3], [5], [4], [6], [5], [6], [3]])
    owner = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    null = _Null.of(owner, np.zeros(8, dtype=np.int64), right_, answered_, 3)
    z = (right_ - answered_ * right_.sum() / answered_.sum()).ravel()
    for provider, size in enumerate((3, 2, 3)):
        sums = np.array([z[list(chosen)].sum() for chosen in itertools.combinations(range(8), size)])
        assert null.surplus[provider] == pytest.approx(z[owner == provider].sum())
        assert sums.mean() == pytest.approx(0)
        assert null.sd[provider] == pytest.approx(sums.std())
        assert null.skew[provider] == pytest.approx((sums**3).mean() / sums.std() ** 3)


def test_the_p_value_is_close_to_that_of_all_ways_to_deal_windows_out() -> None:
    """Twelve windows of 20 answers in three equal hands: 495 ways, without the correction for continuity."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        right_ = rng.binomial(20, 0.8, size=(12, 1)).astype(np.float64)
        answered_ = np.full((12, 1), 20.0)
        owner = np.repeat(np.arange(3), 4)
        null = _Null.of(owner, np.zeros(12, dtype=np.int64), right_, answered_, 3)
        sums = np.array([right_[list(c)].sum() for c in itertools.combinations(range(12), 4)])
        hits = np.array([right_[owner == p].sum() for p in range(3)])
        exact = [(sums <= each).mean() for each in hits]
        np.testing.assert_allclose(null.lower_tail(null.surplus + 0.5), exact, atol=0.04)


@pytest.mark.parametrize("skew", [-2.0, -0.5, -1e-3, 0.0, 1e-3, 0.7, 3.0])
def test_the_tail_and_its_quantile_agree_with_scipy(skew: float) -> None:
    x = np.linspace(-4, 4, 33)
    skews = np.full_like(x, skew)
    np.testing.assert_allclose(
        _pearson_tail(x, skews), scipy_stats.pearson3.cdf(x, skew), rtol=1e-6, atol=1e-12
    )
    for share in (0.0005, 0.05, 0.5):
        found = _pearson_quantile(share, np.array([skew]))[0]
        assert found == pytest.approx(scipy_stats.pearson3.ppf(share, skew), rel=1e-6, abs=1e-6)


# -- over real sockets ---------------------------------------------------------------------------


class _Oracle(http.server.BaseHTTPRequestHandler):
    """A chat endpoint that knows, by the digest of the body, what to say."""

    protocol_version = "HTTP/1.1"
    answers: Mapping[str, dict[str, str | None]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        said = self.answers[hashlib.sha256(body).hexdigest()]
        if said["text"] is None:
            calls = [
                {
                    "index": 0,
                    "id": "c",
                    "function": {"name": c["name"], "arguments": json.dumps(c["arguments"])},
                }
                for c in json.loads(said["tool_calls"] or "[]")
            ]
            deltas: list[dict[str, Any]] = [{"tool_calls": calls}]
        else:
            deltas = [{"content": word + " "} for word in said["text"].split(" ")]
        events = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
        events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        stream = (
            b"".join(b"data: %s\n\n" % json.dumps(event).encode() for event in events) + b"data: [DONE]\n\n"
        )
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(stream)))
        self.end_headers()
        self.wfile.write(stream)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def oracle(answers: Mapping[str, dict[str, str | None]]) -> Iterator[str]:
    handler = type("Oracle", (_Oracle,), {"answers": answers})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()


def foreign(workload: Workload, probe: Probe, i: int) -> str:
    """The right answer to the same request of another seed, so of another probe of the same kind."""
    others = (prompts.probe(workload, f"{seed:04x}", i) for seed in range(1, 200))
    return next(other.expected for other in others if other is not None and other.kind == probe.kind)


@pytest.mark.parametrize(("kind", "requests"), [("probes", 36), ("chat", 60), ("long-context", 40)])
def test_a_served_window_scores_as_its_server_answered(kind: prompts.Kind, requests: int, tmp_path) -> None:
    """Every third probe is answered with another probe's answer; nobody else's is touched."""
    plan = Plan(
        url="http://127.0.0.1:1/v1", model="oracle", concurrency=3, requests=requests, seed=SEED,
        max_tokens=60, input_words=60, kind=kind, ramp_ns=0,
    )  # fmt: skip
    workload = plan.workload()
    known = {i: probe for i in range(requests) if (probe := prompts.probe(workload, SEED, i)) is not None}
    spoilt = set(list(known)[::3])
    answers = {}
    for i in range(requests):
        probe = known.get(i)
        other = foreign(workload, probe, i) if probe and i in spoilt else None
        said = answered(probe, other) if probe else {"text": "Answer: a title\n\nOnce", "tool_calls": None}
        answers[hashlib.sha256(plan.body(i)).hexdigest()] = said
    with oracle(answers) as url:
        sealed = measure_window(msgspec.structs.replace(plan, url=url), spool=tmp_path / "spool")
    found = seen(sealed.window, workload)
    assert {wrong.i for wrong in found.wrong} == spoilt
    for of_kind, tally in found.tallies.items():
        asked = [i for i, probe in known.items() if probe.kind == of_kind]
        expected = Tally(len(asked), len(asked), sum(i not in spoilt for i in asked))
        assert tally == expected
    assert sum(tally.asked for tally in found.tallies.values()) == len(known) > 0


def test_a_served_window_of_repeats_pairs_what_the_records_call_repeats(tmp_path) -> None:
    with start_reference(ReferenceProfile(ttft_median_ms=4, icl_median_ms=1)) as reference:
        plan = Plan(
            url=reference.url, model="reference", concurrency=1, requests=24, seed=SEED, max_tokens=4,
            input_words=20, kind="chat-repeats", ramp_ns=0,
        )  # fmt: skip
        sealed = measure_window(plan, spool=tmp_path / "spool")
    labels = {r.i: r.probe for r in sealed.window.requests if r.probe is not None}
    pairs = seen(sealed.window, plan.workload()).repeats
    assert {pair.again: f"repeat-{pair.first}" for pair in pairs} == {
        i: label
        for i, label in labels.items()
        if label != "repeat-0"  # the first request had to connect
    }
