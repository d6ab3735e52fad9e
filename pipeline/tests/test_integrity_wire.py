"""Windows that were really measured cause no finding: plain, bundled, failing, over HTTP/2 and open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fairlead import integrity
from fairlead.measure.plan import Plan
from fairlead.measure.reference import LOOPBACK_PEM, start_reference
from fairlead.measure.runner import measure_window
from fairlead.measure.truth import ReferenceProfile

from .test_integrity import rules

pytestmark = pytest.mark.realtime

PLAIN = ReferenceProfile(ttft_median_ms=20, ttft_log_sd=0.2, icl_median_ms=2, icl_log_sd=0.2)
STEADY = ReferenceProfile(ttft_median_ms=20, icl_median_ms=2)
BUNDLED = ReferenceProfile(ttft_median_ms=20, icl_median_ms=4, icl_log_sd=0.1, tokens_per_chunk=3)
FAILING = ReferenceProfile(ttft_median_ms=10, icl_median_ms=1, rate_limited_share=0.1, stream_error_share=0.1)


@pytest.mark.parametrize(
    ("profile", "load"),
    [
        (PLAIN, {"concurrency": 1}),
        (STEADY, {"concurrency": 4}),
        (BUNDLED, {"concurrency": 4}),
        (FAILING, {"concurrency": 4}),
        (PLAIN, {"concurrency": 4, "http": "2"}),
        (PLAIN, {"concurrency": 8, "rate_per_s": 20.0, "arrivals": "poisson"}),
    ],
    ids=["plain", "steady", "bundled", "failing", "http2", "open"],
)
def test_measured_windows_are_not_named(
    profile: ReferenceProfile, load: dict[str, Any], tmp_path: Path
) -> None:
    traces = []
    with start_reference(profile, tls=load.get("http") == "2") as reference:
        for number in range(2):
            seed = f"{number:02x}"
            plan = Plan(
                url=reference.url,
                model="reference",
                requests=12,
                seed=seed,
                max_tokens=60,
                input_words=20,
                **load,
            )
            sealed = measure_window(plan, spool=tmp_path / f"spool-{seed}", authorities=LOOPBACK_PEM)
            traces.append(integrity.observe(seed, sealed.window, plan.workload(), rules()))
    assert [finding for one in traces for finding in one.findings] == []
    assert integrity.examine(traces, rules()) == ()
    assert sum(one.requests for one in traces) == 24
