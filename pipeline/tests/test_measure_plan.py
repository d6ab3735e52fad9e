"""A plan is checked before anything is sent."""

from __future__ import annotations

import hashlib
import json

import msgspec
import pytest

from fairlead.measure.plan import Limits, Plan

PLAN = Plan(url="http://h/v1", model="m", concurrency=2, requests=3, seed="00ff")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"url": "h"}, "URL"),
        ({"dialect": "telepathy"}, "openai-chat"),
        ({"concurrency": 0}, "concurrency"),
        ({"concurrency": 5000}, "concurrency"),
        ({"requests": 0}, "requests"),
        ({"requests": 100_001}, "requests"),
        ({"seed": ""}, "seed"),
        ({"seed": "0"}, "seed"),
        ({"seed": "FF"}, "seed"),
        ({"seed": "00" * 33}, "seed"),
        ({"ramp_ns": -1}, "ramp"),
        ({"max_tokens": 0}, "max tokens"),
        ({"input_words": 0}, "input words"),
    ],
)
def test_a_plan_that_cannot_be_run_is_refused_in_words(change, said):
    with pytest.raises(ValueError, match=said):
        Plan(**(msgspec.structs.asdict(PLAN) | change))


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
