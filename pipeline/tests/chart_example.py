"""A board with levels, hours, days, failures, certificates and changing prices: all that charts can show."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterable
from pathlib import Path

import msgspec

from fairlead.cost import Bill
from fairlead.model import Provider
from fairlead.publish.edition import Edition
from fairlead.ranking import Evidence, Row, build_rows
from fairlead.repository import Repository
from fairlead.windows import Calibration, Certificate, Machine, Methodology, Node, NodeClock, Outcome

from .examples import DAY_NS, S, make_clock, make_evidence, make_load, make_table, with_table
from .publish_example import COMMIT, NOW, START_NS, load, write_root

MODEL = "fable-7b"
HOSTILE_NAMES = (
    "</svg><script>alert(1)</script>",
    "\"' onload='alert(1)' \\\"}]}",
    "datum.x; signal('width') http://evil.example/x.json url(#a)",
    "\u202eevil\u200b\u0000\x1b[31m",
    "<!--fl-chart " + "0" * 32 + "-->&lt;&#60;]]>",
    "W" * 10_000,
)
STREAMS = {"chat-c1": 1, "chat-c8": 8, "chat-c32": 32}
# provider: TTFT in ms, tokens/s of one reader, what it fails, tokens billed
_PROVIDERS = {
    "acme": (180, 95, 0, 4_000),
    "borealis": (184, 93, 0, 12_000),
    "cumulus": (260, 120, 0, 4_000),
    "dunlin": (210, 60, 1, 9_000),
    "hostile": (320, 40, 0, 9_000),
}
WINDOWS = 24


def evidence() -> list[Evidence]:
    """Six hours of each of four days; evenings of one provider are slow, one hour of another is invalid."""
    source = random.Random(7)
    return [
        _window(source, provider, scenario, turn)
        for provider in _PROVIDERS
        for scenario in STREAMS
        for turn in range(WINDOWS)
    ]


def _window(source: random.Random, provider: str, scenario: str, turn: int) -> Evidence:
    ttft_ms, speed_tps, failing, billed = _PROVIDERS[provider]
    streams, hour = STREAMS[scenario], turn % 6 * 4
    level = source.lognormvariate(0, 0.01) * (2.0 if provider == "acme" and hour == 20 else 1.0)
    number = 30 * failing if turn % 8 else 26 * failing
    values = {
        "ttft_ms": [ttft_ms * level * source.lognormvariate(0, 0.1) for _ in range(number or 30)],
        "output_speed_tps": [speed_tps / (1 + 0.03 * streams) * source.lognormvariate(0, 0.02)]
        * (number or 30),
    }
    failures = {Outcome.RATE_LIMITED: 4} if number == 26 else {}
    start_ns = START_NS + (turn // 6 * DAY_NS) + hour * DAY_NS // 24
    made = make_table(
        values,
        failures=failures,
        throughput_tps=speed_tps * streams / (1 + 0.03 * streams) * source.lognormvariate(0, 0.02),
        provider=provider,
        endpoint="api",
        round=f"r{turn}",
        clock=make_clock(start_unix_ns=start_ns),
        load=make_load(concurrency=streams, planned=30),
        calibration=Calibration(before=_certificate(streams), after=_certificate(streams)),
        methodology=Methodology(version="0.1.0", sha256="0" * 64),
    )
    bill = Bill(
        input_tokens=12_000, cached_tokens=0, output_tokens=billed, calls=30, estimated_calls=0, successes=30
    )
    invalid = ("our own lag p99 was 9.0 ms, the limit is 5 ms",) if (provider, hour) == ("cumulus", 8) else ()
    return make_evidence(dataclasses.replace(made, bill=bill), scenario=scenario, invalid=invalid)


def _certificate(streams: int) -> Certificate:
    """Our own error: 0.05 ms at the median, 0.4 ms at p99."""
    return Certificate(
        sha256="0" * 64,
        taken_unix_ns=START_NS,
        load=make_load(concurrency=streams, planned=30),
        tokens=3_000,
        missing=0,
        shared_core=False,
        reference_late_p99_ns=1_000,
        token_error_ns=[0, 50_000, 90_000, 400_000, 900_000],
        ttft_error_ns=[0, 50_000, 90_000, 400_000, 900_000],
        icl_error_ns=[0, 1_000, 2_000, 3_000, 4_000],
        lag_p99_ns=1_000,
        throughput_error_ppm=0,
        cpu_ns_per_token=1_000,
    )


def on_two_nodes(item: Evidence, *, ttft_error_ns: int) -> Evidence:
    """The same window, its load shared with a node whose TTFT is wrong by so much, always."""
    header = item.table.header
    assert header.calibration.before is not None
    worse = msgspec.structs.replace(header.calibration.before, ttft_error_ns=[ttft_error_ns] * 5)
    calibrations = {"first": header.calibration, "other": Calibration(before=worse, after=None)}
    nodes = tuple(
        Node(
            name=name,
            processes=[at],
            machine=Machine(cpu="any", cores=1, kernel="any", python="3", affinity=[0]),
            clock=NodeClock(origin_mono_ns=0, origin_error_ns=0, wall_offset_ns=0, max_step_ns=0),
            fault=None,
            calibration=calibration,
        )
        for at, (name, calibration) in enumerate(calibrations.items())
    )
    shared = msgspec.structs.replace(header, nodes=nodes)
    return with_table(item, dataclasses.replace(item.table, header=shared))


def repository_in(folder: Path) -> Repository:
    """The fictional root of the site's tests; its own windows are not looked at."""
    write_root(folder)
    return load(folder)[0]


def rows_of(repository: Repository, given: Iterable[Evidence] | None = None) -> tuple[Row, ...]:
    """The rows of the example, or of the windows given."""
    return build_rows(
        evidence() if given is None else given,
        repository.providers,
        repository.methodologies,
        now_unix_ns=int(NOW.timestamp()) * S,
    )


def edition_of(repository: Repository, given: Iterable[Evidence] | None = None) -> Edition:
    """One build of them."""
    return Edition(repository, rows_of(repository, given), NOW, COMMIT, {})


def renamed(repository: Repository, name: str) -> Repository:
    """The same, where every name that a stranger may choose is this one."""
    providers: dict[str, Provider] = {
        key: msgspec.structs.replace(provider, name=name) for key, provider in repository.providers.items()
    }
    models = {key: msgspec.structs.replace(model, name=name) for key, model in repository.models.items()}
    vantages = {key: msgspec.structs.replace(place, name=name) for key, place in repository.vantages.items()}
    return dataclasses.replace(repository, providers=providers, models=models, vantages=vantages)
