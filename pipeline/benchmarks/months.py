"""A root full of invented windows, for benchmarks and their tests. Knows no benchmark and measures nothing.

A *provider-month* is 24 neutral windows of 30 requests of one provider's endpoint for one model, each request
with about 100 stamped chunks. Rounds hold a hundred providers, back to back within their hour; then come more
models, then more months. Everything is drawn from a seed, and every name is plainly invented.
"""

from __future__ import annotations

import concurrent.futures
import datetime as dt
import functools
import hashlib
import multiprocessing
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from fairlead import windows
from fairlead.board import rows_of
from fairlead.cores import permitted_cores
from fairlead.evidence import load_evidence
from fairlead.model import window_file_name
from fairlead.ranking import Row
from fairlead.repository import Repository, canonical_text, load_repository

CHECKOUT = Path(__file__).parents[2]
MODEL_SUBMISSION = "submissions/reference/2026-11-23-certified"  # lends its header and its two certificates
CONTROL = "providers/reference.yaml"
VERSION, SCENARIO, VANTAGE = "0.2.0", "chat-c1", "harbour"
WINDOWS, REQUESTS, CHUNKS = 24, 30, 100  # requests: as many as a window has that gives a throughput figure
PROVIDERS_MAX, MODELS_MAX = 100, 10  # in a round; in a month
FIRST_MONTH = (2027, 1)
MS, S = 1_000_000, 1_000_000_000


class Month(NamedTuple):
    """One provider's windows of one model in one month; all of them counted from 0."""

    month: int
    model: int
    provider: int


@dataclass(frozen=True)
class Made:
    """A root, the moment just after its last window, and what its windows take on the disk."""

    root: Path
    end_unix_s: int
    bytes: int


def plan_months(count: int) -> list[Month]:
    """The first ``count`` provider-months: providers first, then models, then months."""
    providers = min(count, PROVIDERS_MAX)
    return [
        Month(i // (providers * MODELS_MAX), i // providers % MODELS_MAX, i % providers) for i in range(count)
    ]


def small_board(folder: Path) -> tuple[Repository, tuple[Row, ...], dt.datetime]:
    """A root of four provider-months below ``folder``: its rows too, and the moment after its last window."""
    made = make_root(folder, 4, cores=permitted_cores())
    moment = dt.datetime.fromtimestamp(made.end_unix_s, tz=dt.UTC)
    repository, problems = load_repository(made.root)
    evidence, unusable = load_evidence(repository)
    assert not problems
    assert not unusable
    return repository, rows_of(repository, evidence, moment), moment


def make_root(folder: Path, count: int, *, cores: int, requests: int = REQUESTS) -> Made:
    """Write a root of ``count`` provider-months below ``folder``, or take the one that is there, whole."""
    months = plan_months(count)
    name = f"{count}" if requests == REQUESTS else f"{count}-of-{requests}"
    root, note = folder / name, folder / f"{name}.json"
    stamp = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    if note.exists():
        found = msgspec.json.decode(note.read_bytes())
        if found["made_by"] == stamp:
            return Made(root, found["end_unix_s"], found["bytes"])
    note.unlink(missing_ok=True)
    shutil.rmtree(root, ignore_errors=True)
    size = write_root(root, months, cores=cores, requests=requests)
    made = Made(root, _start_unix_ns(months[-1], WINDOWS) // S, size)
    note.write_bytes(
        msgspec.json.encode({"made_by": stamp, "end_unix_s": made.end_unix_s, "bytes": made.bytes})
    )
    return made


def write_root(
    root: Path, months: Sequence[Month], *, cores: int, requests: int, turns: int = WINDOWS
) -> int:
    """Write a root of these provider-months, with so many windows each; the bytes of all windows."""
    _write_method(root, months)
    return _write_windows(root, months, cores, requests, turns)


# -- the YAML ------------------------------------------------------------------------------------


def _write_method(root: Path, months: Sequence[Month]) -> None:
    shutil.copytree(CHECKOUT / "methodology", root / "methodology")
    _write(root / CONTROL, (CHECKOUT / CONTROL).read_bytes())
    models = [_model_name(number) for number in sorted({month.model for month in months})]
    described = [_model(name) for name in ("reference", *models)]
    for path, kind, data in (
        ("methodology/models.yaml", "models", {"schema_version": 1, "models": described}),
        ("methodology/vantages.yaml", "vantages", {"schema_version": 1, "vantages": [_vantage()]}),
        *(
            (f"providers/{_provider_name(number)}.yaml", "provider", provider(number, models))
            for number in sorted({month.provider for month in months})
        ),
    ):
        _write(root / path, canonical_text(kind, data).encode())


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _provider_name(number: int) -> str:
    return f"invented-{number:03}"


def _model_name(number: int) -> str:
    return f"fable-{number}b"


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "name": name, "developer": "Nobody", "tokenizer": None, "notes": None}


def _vantage() -> dict[str, Any]:
    nothing = dict.fromkeys(("region", "network", "operator", "notes"))
    return {"id": VANTAGE, "name": "An invented place", **nothing}


def provider(number: int, models: Sequence[str]) -> dict[str, Any]:
    """The file of an invented provider that serves these models."""
    price = {
        "from": "2026-01-01",
        "until": None,
        "input_usd_per_mtok": 0.5,
        "cached_input_usd_per_mtok": None,
        "output_usd_per_mtok": 1.5,
        "source": "https://invented.example/prices",
        "retrieved": "2026-01-01",
    }
    unknown = dict.fromkeys(
        ("accelerator", "accelerator_count", "precision", "context_tokens", "prompt_cache")
    )
    served = [{"model": name, "api_model": name, **unknown, "prices": [price]} for name in models]
    endpoint = {
        "id": "main",
        "base_url": f"https://{_provider_name(number)}.example/v1",
        "dialect": "openai-chat",
        "http": "1.1",
        "region": None,
        "models": served,
    }
    return {
        "schema_version": 1,
        "name": f"Invented {number}",
        "status": "active",
        "organisation": None,
        "website": None,
        "contacts": [],
        "benchmark_permission": {
            "granted": True,
            "source": "https://invented.example/terms",
            "date": "2026-01-01",
        },
        "endpoints": [endpoint],
        "interests": [],
        "notes": None,
    }


# -- the windows ---------------------------------------------------------------------------------


def _write_windows(root: Path, months: Sequence[Month], cores: int, requests: int, turns: int) -> int:
    """Every window, and the rounds.yaml of each folder that lists them; the bytes of all windows."""
    folders: dict[tuple[int, int], list[Month]] = {}
    for month in months:
        folders.setdefault((month.month, month.model), []).append(month)
    certificates = sorted((CHECKOUT / MODEL_SUBMISSION / "calibrations").iterdir())
    size = 0
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(cores, mp_context=context) as pool:
        for group in folders.values():
            folder = root / _folder(group[0])
            for name in ("windows", "calibrations"):
                (folder / name).mkdir(parents=True)
            calibrations = []
            for file in certificates:
                shutil.copy(file, folder / "calibrations" / file.name)
                calibrations.append(_listed("calibrations", file.name, file.read_bytes()))
            each = [[item] * len(group) for item in (folder, requests, turns)]
            batches = pool.map(write_month, each[0], group, *each[1:])
            listed = sorted((raw for batch in batches for raw in batch), key=lambda raw: raw["file"])
            size += sum(raw["bytes"] for raw in listed)
            rounds = _rounds(group[0], listed, calibrations)
            _write(folder / "rounds.yaml", canonical_text("rounds", rounds).encode())
    return size


def _folder(month: Month) -> str:
    start = dt.datetime.fromtimestamp(_start_unix_ns(month, 0) // S, tz=dt.UTC)
    return f"submissions/neutral/{start:%Y-%m}-{VANTAGE}-{_model_name(month.model)}"


def _rounds(month: Month, listed: list[Any], calibrations: list[Any]) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "methodology": msgspec.to_builtins(_methodology()),
        "vantage": VANTAGE,
        "model": _model_name(month.model),
        "windows": listed,
        "calibrations": calibrations,
        "notes": None,
    }


def _listed(folder: str, name: str, data: bytes) -> dict[str, Any]:
    return {"file": f"{folder}/{name}", "sha256": windows.digest(data), "bytes": len(data)}


@functools.cache
def _methodology() -> windows.Methodology:
    text = (CHECKOUT / "methodology/versions" / VERSION / "methodology.yaml").read_bytes()
    return windows.Methodology(version=VERSION, sha256=windows.digest(text))


def write_month(
    folder: Path, month: Month, count: int = REQUESTS, turns: int = WINDOWS
) -> list[dict[str, Any]]:
    """Write the windows of a provider-month; what a manifest says of them."""
    listed = []
    for turn in range(turns):
        header, requests = make_window(month, turn, count)
        data = windows.encode_window(header, requests)
        name = window_file_name(header.clock.start_unix_ns, header.model, SCENARIO, header.role)
        (folder / "windows" / name).write_bytes(data)
        listed.append(_listed("windows", name, data))
    return listed


def make_window(
    month: Month, turn: int, count: int = REQUESTS
) -> tuple[windows.Header, list[windows.Request]]:
    """One window: a provider's own level, that of its hour, and the spread of its requests."""
    own = np.random.default_rng([1, month.model, month.provider])
    level = float(np.exp(own.normal(0, 0.2)))
    rng = np.random.default_rng([2, *month, turn])
    hour = level * float(np.exp(rng.normal(0, 0.05)))
    ttft_ns = (hour * 200 * MS * np.exp(rng.normal(0, 0.3, count))).astype(np.int64)
    gap_ns = (hour * 10 * MS * np.exp(rng.normal(0, 0.2, (count, CHUNKS)))).astype(np.int64)
    lag_ns = rng.integers(2_000, 400_000, (count, CHUNKS))
    chunks = rng.integers(CHUNKS - 10, CHUNKS + 1, count)
    fails = rng.random(count) < 0.01
    requests, now = [], 2 * MS
    for i in range(count):
        request = _request(
            i,
            now,
            [now + int(ttft_ns[i]), *gap_ns[i, 1 : chunks[i]].tolist()],
            lag_ns[i, : chunks[i]].tolist(),
            body_sha256=rng.bytes(32).hex(),
            fails=bool(fails[i]),
        )
        requests.append(request)
        now = (request.done_ns or now) + int(rng.integers(100_000, 900_000))
    return _header(month, turn, now, rng.bytes(32).hex(), count), requests


def _start_unix_ns(month: Month, turn: int) -> int:
    """Rounds are 29 hours apart; within its hour each provider has its own place."""
    years, place = divmod(FIRST_MONTH[1] - 1 + month.month, 12)
    begin = dt.datetime(FIRST_MONTH[0] + years, place + 1, 1, tzinfo=dt.UTC)
    return (int(begin.timestamp()) + turn * 29 * 3600 + month.provider * 3600 // PROVIDERS_MAX) * S


def _request(
    i: int, sent_ns: int, chunk_ns: list[int], lag_ns: list[int], *, body_sha256: str, fails: bool
) -> windows.Request:
    count, headers_ns = len(chunk_ns), sent_ns + (chunk_ns[0] - sent_ns) // 2
    words = [f"w{place} " for place in range(count)]
    return windows.Request(
        i=i,
        slot=0,
        process=None,
        body_sha256=body_sha256,
        probe=None,
        scheduled_ns=None,
        sent_ns=sent_ns,
        headers_ns=headers_ns,
        done_ns=headers_ns + MS if fails else sum(chunk_ns) + 300_000,
        connection=windows.Connection(reused=True, dns_ns=None, tcp_ns=None, tls_ns=None),
        chunk_ns=[] if fails else chunk_ns,
        chunk_lag_ns=[] if fails else lag_ns,
        chunk_kind="" if fails else f"t{count}",
        chunk_chars=[] if fails else [len(word) for word in words],
        chunk_tokens=None,
        text=None if fails else "".join(words),
        reasoning=None,
        tool_calls=None,
        tokens=windows.Tokens(
            counted=None,
            usage_output=None if fails else count,
            usage_input=None if fails else 520,
            usage_cached=None if fails else 0,
            usage_reasoning=None,
        ),
        status=503 if fails else 200,
        finish=None if fails else "length",
        outcome=windows.Outcome.SERVER_ERROR if fails else windows.Outcome.OK,
        error=windows.ErrorDetail(code="503", message="overloaded") if fails else None,
        provider_request_id=None,
        ttft_ns=None,
        e2e_ns=None,
        original=None,
    )


def _header(month: Month, turn: int, duration_ns: int, seed: str, count: int) -> windows.Header:
    """The header of a real window of the reference endpoint, with its certificates, told as another's."""
    header = _lent_header()
    name, provider = _model_name(month.model), _provider_name(month.provider)
    return msgspec.structs.replace(
        header,
        provider=provider,
        model=name,
        api_model=name,
        address=None,
        vantage=VANTAGE,
        round=f"{month.month:03}-{turn:02}",
        registration_sha256=None,
        plan_index=None,
        seed=seed,
        methodology=_methodology(),
        load=msgspec.structs.replace(header.load, planned=count),
        clock=msgspec.structs.replace(
            header.clock, start_unix_ns=_start_unix_ns(month, turn), duration_ns=duration_ns
        ),
    )


@functools.cache
def _lent_header() -> windows.Header:
    file = min((CHECKOUT / MODEL_SUBMISSION / "windows").iterdir())
    return windows.decode_window(file.read_bytes()).header
