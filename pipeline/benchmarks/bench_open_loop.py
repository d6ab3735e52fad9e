"""How late an open loop sends, from the time of its schedule to the write of the request's last byte.

Poisson arrivals against the reference endpoint in another process, on another core where there are two; the
client on its own. Each rate is measured alone, and beside a program that never rests on the client's core: by
turns, in the same run. ``own``: without what connecting took, which is the provider's; that is what the
methodology limits. ``sent``: with it. The ramp is over before the schedule begins.

Each figure is the median of the rounds; the ratio is the median of the rounds' ratios. Without the right to
go before other programs (root, or CAP_SYS_NICE) the client shares its core, and the table says so.

Run: ``python pipeline/benchmarks/bench_open_loop.py [--rates 50,200] [--rounds 3] [--json FILE]``
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fairlead import metrics
from fairlead.measure.cores import cores_apart, undisturbed
from fairlead.measure.plan import Plan
from fairlead.measure.reference import start_reference
from fairlead.measure.runner import measure_window
from fairlead.measure.truth import ReferenceProfile

PROFILE = ReferenceProfile(ttft_median_ms=200, icl_median_ms=10)
RAMP_NS = 200_000_000
FIGURES = ("own_p50_ms", "own_p99_ms", "own_max_ms", "sent_p99_ms", "sent_max_ms", "lag_p99_ms")


@contextlib.contextmanager
def neighbour(core: int | None) -> Iterator[None]:
    """A program that never rests, on this core; none where no core can be chosen."""
    if core is None:
        yield
        return
    code = f"import os\nos.sched_setaffinity(0, {{{core}}})\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", code]) as hog:
        try:
            yield
        finally:
            hog.kill()


def measure(rate_per_s: float, seconds: float, tokens: int, *, disturbed: bool) -> dict[str, float]:
    """One window: quantiles of scheduled to sent, in ms."""
    with tempfile.TemporaryDirectory() as folder, cores_apart() as (ours, theirs):
        busy = neighbour(min(ours) if ours and disturbed else None)
        with start_reference(PROFILE, cores=theirs) as reference, busy:
            plan = Plan(
                url=reference.url,
                model=PROFILE.model,
                concurrency=256,
                requests=round(rate_per_s * seconds),
                rate_per_s=rate_per_s,
                arrivals="poisson",
                seed=os.urandom(8).hex(),
                max_tokens=tokens,
                ramp_ns=RAMP_NS,
            )
            window = measure_window(plan, spool=Path(folder) / "spool").window
    own = sorted(delay for delay, _ in metrics.schedule_delays_ns(window))
    sent = sorted(
        request.sent_ns - request.scheduled_ns
        for request in window.requests
        if request.sent_ns is not None and request.scheduled_ns is not None
    )
    assert len(sent) == plan.requests
    return {
        **{f"own_{name}_ms": _quantile(own, share) for name, share in (("p50", 0.5), ("p99", 0.99))},
        "own_max_ms": own[-1] / 1e6,
        "sent_p99_ms": _quantile(sent, 0.99),
        "sent_max_ms": sent[-1] / 1e6,
        "lag_p99_ms": metrics.tabulate(window, metrics.SteadyRules(1, 1, 0)).lag_p99_ms or 0.0,
    }


def _quantile(ranked: list[int], share: float) -> float:
    """In ms, by the nearest rank."""
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rates", default="50,200", help="requests a second, comma-separated")
    parser.add_argument("--tokens", type=int, default=60, help="tokens a request")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each window's schedule")
    parser.add_argument("--rounds", type=int, default=3, help="of which the medians are given")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    arguments = parser.parse_args()
    before = os.getloadavg()
    with undisturbed() as goes_first:
        pass
    rows = []
    for rate in map(float, arguments.rates.split(",")):
        found: dict[bool, list[dict[str, float]]] = {False: [], True: []}
        for _ in range(arguments.rounds):
            for disturbed, windows in found.items():
                windows.append(measure(rate, arguments.seconds, arguments.tokens, disturbed=disturbed))
        for disturbed, windows in found.items():
            figures = {name: statistics.median(window[name] for window in windows) for name in FIGURES}
            ratio = statistics.median(
                there["own_p99_ms"] / alone["own_p99_ms"]
                for there, alone in zip(windows, found[False], strict=True)
            )
            rows.append({"rate_per_s": rate, "neighbour": disturbed, **figures, "own_p99_to_alone": ratio})
    print(
        f"load average {before[0]:.2f} before, {os.getloadavg()[0]:.2f} after; medians of {arguments.rounds}"
    )
    print(f"the client {'goes before' if goes_first else 'shares its core with'} other programs; ms")
    print(
        f"{'a second':>8} {'neighbour':>9}",
        *(f"{name.removesuffix('_ms'):>9}" for name in FIGURES),
        "  ratio",
    )
    for row in rows:
        cells = (f"{row[name]:9.3f}" for name in FIGURES)
        who = "busy" if row["neighbour"] else "none"
        print(f"{row['rate_per_s']:8g} {who:>9}", *cells, f"{row['own_p99_to_alone']:6.2f}x")
    if arguments.json:
        result = {
            "rows": rows,
            "rounds": arguments.rounds,
            "tokens": arguments.tokens,
            "goes_first": goes_first,
        }
        result |= {
            "cores": os.cpu_count(),
            "load_average_before": before,
            "load_average_after": os.getloadavg(),
        }
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
