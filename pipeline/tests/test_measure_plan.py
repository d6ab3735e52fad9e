"""A plan is checked before anything is sent."""

from __future__ import annotations

import hashlib
import json

import msgspec
import pytest

from fairlead import windows
from fairlead.measure import workload
from fairlead.measure.dialects import DIALECTS
from fairlead.measure.plan import Limits, Plan, processes_for, sweep

MS = 1_000_000
PLAN = Plan(url="http://h/v1", model="m", concurrency=2, requests=3, seed="00ff")
OPEN = msgspec.structs.replace(PLAN, rate_per_s=5.0, arrivals="poisson", requests=50, ramp_ns=30 * MS)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"url": "h"}, "URL"),
        ({"dialect": "telepathy"}, "openai-chat"),
        ({"concurrency": 0}, "concurrency"),
        ({"concurrency": 5000}, "concurrency"),
        ({"processes": 0}, "processes"),
        ({"processes": 3}, "no more than the concurrency"),
        ({"processes": 65, "concurrency": 100}, "processes"),
        ({"requests": 0}, "requests"),
        ({"requests": 100_001}, "requests"),
        ({"seed": ""}, "seed"),
        ({"seed": "0"}, "seed"),
        ({"seed": "FF"}, "seed"),
        ({"seed": "00" * 33}, "seed"),
        ({"ramp_ns": -1}, "ramp"),
        ({"stop_ns": 0}, "stop"),
        ({"rate_per_s": 5.0}, "rate and arrivals"),
        ({"arrivals": "constant"}, "rate and arrivals"),
        ({"rate_per_s": 0.0, "arrivals": "constant"}, "rate"),
        ({"rate_per_s": -1.0, "arrivals": "constant"}, "rate"),
        ({"rate_per_s": float("nan"), "arrivals": "constant"}, "rate"),
        ({"rate_per_s": float("inf"), "arrivals": "poisson"}, "rate"),
        ({"rate_per_s": 1e-9, "arrivals": "poisson"}, "more than a day"),
        ({"kind": "probes", "dialect": "openai-completions"}, "openai-completions"),
        ({"requests": 50_000, "max_tokens": 200}, "too large to be read"),
        ({"http": "2"}, "over TLS only"),
        ({"max_tokens": 0}, "max tokens"),
        ({"input_words": 0}, "input words"),
    ],
)
def test_a_plan_that_cannot_be_run_is_refused_in_words(change, said):
    with pytest.raises(ValueError, match=said):
        Plan(**(msgspec.structs.asdict(PLAN) | change))


@pytest.mark.parametrize(
    ("concurrency", "cores", "processes"),
    [(1, 8, 1), (256, 8, 1), (257, 8, 2), (1024, 8, 4), (1024, 1, 1), (1024, 3, 3), (1024, 0, 1)],
)
def test_a_process_carries_256_at_once_and_has_a_core(concurrency, cores, processes):
    assert processes_for(concurrency, cores) == processes


@pytest.mark.parametrize("name", ["connect_ns", "first_ns", "total_ns"])
def test_a_time_limit_of_nothing_is_refused(name):
    with pytest.raises(ValueError, match="above zero"):
        Limits(**{name: 0})


def test_the_body_of_a_request_is_always_the_same_bytes_and_no_two_are_alike():
    bodies = [PLAN.body(i) for i in range(PLAN.requests)]
    assert bodies == [PLAN.body(i) for i in range(PLAN.requests)]
    assert len({hashlib.sha256(body).digest() for body in bodies}) == 3


def test_the_model_is_called_by_its_name_at_the_api():
    assert json.loads(PLAN.body(0))["model"] == "m"
    named = msgspec.structs.replace(PLAN, api_model="vendor/m-instruct")
    assert json.loads(named.body(0))["model"] == "vendor/m-instruct"


# --- loads ---


def test_a_closed_load_names_its_concurrency_and_an_open_one_its_rate_and_its_bound():
    assert PLAN.load() == windows.Load(
        kind="closed", concurrency=2, rate_per_s=None, arrivals=None, planned=3, ramp_ns=200 * MS,
        connect_timeout_ns=10_000 * MS, first_timeout_ns=60_000 * MS, total_timeout_ns=300_000 * MS,
    )  # fmt: skip
    assert not PLAN.is_open
    load = OPEN.load()
    assert OPEN.is_open
    assert (load.kind, load.concurrency, load.rate_per_s, load.arrivals) == ("open", 2, 5.0, "poisson")


def test_a_closed_loop_has_a_start_a_worker_and_an_open_one_a_time_a_request():
    assert len(PLAN.starts()) == 2
    assert len(OPEN.starts()) == 50
    assert OPEN.starts() == OPEN.starts() == sorted(OPEN.starts())
    assert OPEN.starts() != msgspec.structs.replace(OPEN, seed="01").starts()


def test_the_schedule_of_an_open_loop_begins_after_the_ramp():
    assert min(OPEN.starts()) >= 30 * MS
    later = msgspec.structs.replace(OPEN, ramp_ns=40 * MS)
    assert [at + 10 * MS for at in OPEN.starts()] == later.starts()


# --- tools ---


def test_a_request_that_probes_tool_calls_offers_its_tools_and_no_other_does():
    plan = msgspec.structs.replace(PLAN, kind="probes", requests=40)
    offered = {i: json.loads(plan.body(i)).get("tools", []) for i in range(40)}
    for i, tools in offered.items():
        asked = workload.ask(plan.workload(), plan.seed, i)
        assert [tool["function"]["name"] for tool in tools] == [tool.name for tool in asked.tools]
        assert bool(tools) == (plan.label(i) == "tool-call")
    assert any(offered.values())


@pytest.mark.parametrize("kind", [kind for kind in workload.KINDS if kind != "probes"])
def test_any_other_kind_of_workload_can_be_sent_without_tools(kind):
    bare = next(name for name, dialect in DIALECTS.items() if not dialect.calls)
    plan = msgspec.structs.replace(PLAN, kind=kind, dialect=bare, input_words=5)
    assert all(plan.body(i) for i in range(120))


# --- sweeps ---


def test_a_sweep_is_one_plan_a_concurrency_with_requests_enough_and_prompts_of_its_own():
    plans = sweep(msgspec.structs.replace(PLAN, requests=30), [16, 1, 4])
    assert [(plan.concurrency, plan.requests) for plan in plans] == [(16, 160), (1, 30), (4, 40)]
    assert len({plan.seed for plan in plans} | {PLAN.seed}) == 4
    assert plans == sweep(msgspec.structs.replace(PLAN, requests=30), [16, 1, 4])
    assert len({plan.body(0) for plan in plans}) == 3


@pytest.mark.parametrize(
    ("plan", "levels", "said"),
    [
        (OPEN, [1], "closed"),
        (PLAN, [2, 2], "once"),
        (PLAN, [0], "concurrency"),
        (PLAN, [5000], "concurrency"),
    ],
)
def test_a_sweep_that_cannot_be_run_is_refused_in_words(plan, levels, said):
    with pytest.raises(ValueError, match=said):
        sweep(plan, levels)
