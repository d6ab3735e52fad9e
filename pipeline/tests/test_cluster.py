"""A window over several nodes is the window of one machine; a node that is lost costs what it had open."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import pytest

from fairlead.cluster import ClusterError
from fairlead.measure.plan import Plan
from fairlead.measure.reference import start_reference
from fairlead.measure.runner import measure_window
from fairlead.measure.spool import Sealed
from fairlead.measure.truth import ReferenceProfile
from fairlead.windows import Outcome, decode_window

from .cluster_example import LocalLink, local_crew

pytestmark = pytest.mark.realtime

QUICK = ReferenceProfile(ttft_median_ms=8, icl_median_ms=2)
MS = 1_000_000
OPEN = {"rate_per_s": 100.0, "arrivals": "poisson", "concurrency": 12}


def plan_for(url: str, **more: object) -> Plan:
    fields = {"url": url, "model": "reference", "concurrency": 6, "requests": 36, "seed": "00ff"}
    return Plan(**(fields | {"max_tokens": 8, "input_words": 20, "ramp_ns": 10 * MS} | more))


@pytest.fixture(scope="module", params=[{}, OPEN], ids=["closed", "open"])
def measured(request, tmp_path_factory) -> tuple[Plan, Sealed]:
    """A window of three nodes."""
    folder = tmp_path_factory.mktemp("window")
    with start_reference(QUICK) as reference, local_crew("a", "b", "c") as (crew, _):
        plan = plan_for(reference.url, **request.param)
        plan = msgspec.structs.replace(plan, processes=crew.processes_for(plan.concurrency))
        sealed = measure_window(plan, spool=folder / "spool", run_all=crew.run)
        assert not crew.lost
    return plan, sealed


def test_every_planned_request_is_there_once_with_its_node(measured):
    plan, sealed = measured
    requests = sealed.window.requests
    assert [request.i for request in requests] == list(range(plan.requests))
    assert Counter(request.outcome for request in requests) == {Outcome.OK: plan.requests}
    assert (sealed.stopped, sealed.unsent, sealed.torn_bytes) == (False, 0, 0)
    assert decode_window(sealed.data) == sealed.window
    assert [node.name for node in sealed.header.nodes] == ["a", "b", "c"]
    assert [node.processes for node in sealed.header.nodes] == [[0], [1], [2]]
