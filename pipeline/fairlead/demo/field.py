"""Who takes part in the demo, and the root that it works in. Measures nothing."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from fairlead import documents, problems, scaffold
from fairlead.measure.calibrate import Calibrated, LoadShape, calibrate
from fairlead.measure.reference import Reference
from fairlead.measure.truth import ReferenceProfile, Tricks
from fairlead.repository import canonical_text

VERSION = "0.1.0"
MODEL = "demo-model"
VANTAGE = "this-machine"
SCENARIO = "chat-c8"
CONTROL = "demo-control"
DAY_SECONDS = 30
TOKENS = 16
LOOKS = [4, 6, 8]


@dataclasses.dataclass(frozen=True, slots=True)
class Contestant:
    """A reference endpoint, what it does besides its profile, and what its owner makes of its figures.

    ``claims_share``: the latencies claimed over those measured; None: those measured. ``is_rerun``: its claim
    is measured again; its rivals stand in the same rounds, which says enough of them.
    """

    provider: str
    name: str
    profile: ReferenceProfile
    tricks: Tricks | None = None
    claims_share: float | None = None
    is_rerun: bool = False


def contestants(seed: str) -> tuple[Contestant, ...]:
    """Four fictional providers and a control, each with a timing of its own."""

    def profile(**settings: Any) -> ReferenceProfile:
        usual = {"ttft_median_ms": 40, "icl_median_ms": 2, "ttft_log_sd": 0.15, "icl_log_sd": 0.1}
        return ReferenceProfile(seed=seed, model=MODEL, **(usual | settings))

    evening = Tricks(day_s=DAY_SECONDS, bad_from_s=DAY_SECONDS * 3 / 4, bad_for_s=DAY_SECONDS / 4)
    return (
        Contestant("demo-honest", "Demo Honest", profile(), is_rerun=True),
        Contestant(
            "demo-boastful",
            "Demo Boastful",
            profile(ttft_median_ms=55, icl_median_ms=2.5),
            claims_share=0.8,
            is_rerun=True,
        ),
        Contestant("demo-flaky", "Demo Flaky", profile(), tricks=evening),
        Contestant(
            "demo-faker",
            "Demo Faker",
            profile(ttft_median_ms=80, output_tokens=TOKENS * 3 // 2),
            tricks=Tricks(early_first_ms=10),
        ),
        Contestant(CONTROL, "Demo Control", profile()),
    )


def short_certificate(shape: LoadShape) -> Calibrated:
    """A certificate from half a second of a load whose chunks come as the demo's endpoints send them."""
    short = msgspec.structs.replace(shape, seconds=0.5, ttft_ms=40.0, icl_ms=2.0)
    return calibrate(short, seed=secrets.token_hex(16))


def make_root(root: Path, field: Sequence[Contestant], running: Mapping[str, Reference]) -> None:
    """Make the demo's root, for endpoints that are running: its own method under the board's own rules."""
    files = {
        path: data
        for path, data in scaffold.shipped_files().items()
        if path.startswith("methodology/governance/")
    }
    files |= {path: text.encode() for path, text in _documents(field, running).items()}
    added = scaffold.create_root(root, files)
    if added.problems:
        raise AssertionError(problems.render_text(added.problems))


def _documents(field: Sequence[Contestant], running: Mapping[str, Reference]) -> dict[str, str]:
    texts = {
        "methodology/models.yaml": canonical_text("models", _models()),
        "methodology/vantages.yaml": canonical_text("vantages", _vantages()),
        "methodology/versions.yaml": canonical_text("versions", _versions()),
        f"methodology/versions/{VERSION}/methodology.yaml": canonical_text("methodology", _methodology()),
        f"methodology/versions/{VERSION}/methodology.md": _PROSE,
    }
    for one in field:
        texts[f"providers/{one.provider}.yaml"] = canonical_text(
            "provider", _provider(one, running[one.provider].url)
        )
    return texts


_PROSE = """# The demo's methodology

It exists to run the whole loop in a minute or so on one machine. Its day lasts {{ day_seconds }}
seconds, its limits are fit for a noisy laptop, and its figures say nothing about any real provider.
"""


def _models() -> dict[str, Any]:
    return {
        "schema_version": 1,
        "models": [
            {
                "id": MODEL,
                "name": "Demo model",
                "developer": "nobody",
                "tokenizer": None,
                "notes": "Not a language model: reference endpoints stream made-up words on a schedule.",
            }
        ],
    }


def _vantages() -> dict[str, Any]:
    return {
        "schema_version": 1,
        "vantages": [
            {
                "id": VANTAGE,
                "name": "The machine the demo ran on",
                "region": None,
                "network": "loopback interface",
                "operator": None,
                "notes": None,
            }
        ],
    }


def _versions() -> dict[str, Any]:
    return {
        "schema_version": 1,
        "versions": [
            {
                "version": VERSION,
                "state": "draft",
                "sha256": None,
                "ratified_by": None,
                "date": None,
                "changes": "Made by the demo.",
            }
        ],
    }


def _methodology() -> dict[str, Any]:
    """The board's own candidate, with a short day, one small scenario, and limits fit for a noisy laptop."""
    text = scaffold.shipped_files()["methodology/versions/1.0.0-rc/methodology.yaml"]
    document, found = documents.parse(text, "methodology.yaml")
    if document is None or found:
        raise AssertionError(problems.render_text(found))
    data: Any = document.data
    scenario = {
        "id": SCENARIO,
        "workload": "chat-demo",
        "kind": "closed",
        "concurrency": 8,
        "rate_per_s": None,
        "arrivals": None,
        "requests": 32,
        "ramp_ms": 20,
    }
    stopping = data["verdict"]["stopping"] | {"looks": LOOKS, "hours_min": 1}
    methodology: dict[str, Any] = data | {
        "version": VERSION,
        "title": "Demo",
        "day_seconds": DAY_SECONDS,
        "workloads": [{"id": "chat-demo", "kind": "chat", "input_words": 40, "output_tokens_max": TOKENS}],
        "scenarios": [scenario],
        "control": CONTROL,
        "window": {"requests_min": 30, "requests_per_stream_min": 4, "steady_e2e_medians_min": 1},
        "timeouts": {"connect_ms": 5000, "first_chunk_ms": 10000, "total_ms": 30000},
        "limits": data["limits"] | {"schedule_delay_p99_ms": 50, "stutter_gap_ms": 100, "lag_p99_ms": 200},
        "calibration": {
            "required": True,
            "token_error_p99_ms": 200,
            "ttft_error_p99_ms": 200,
            "lag_p99_ms": 200,
        },
        "statistics": data["statistics"] | {"rounds_min": 4},
        "verdict": data["verdict"] | {"stopping": stopping},
        "notes": "Made by the demo.",
    }
    return methodology


def _provider(one: Contestant, url: str) -> dict[str, Any]:
    served: dict[str, Any] = {
        "model": MODEL,
        "api_model": MODEL,
        "accelerator": None,
        "accelerator_count": None,
        "precision": None,
        "context_tokens": None,
        "prompt_cache": "none",
        "prices": [],
    }
    return {
        "schema_version": 1,
        "name": one.name,
        "status": "reference",
        "organisation": None,
        "website": None,
        "contacts": [],
        "benchmark_permission": None,
        "endpoints": [
            {
                "id": "main",
                "base_url": url,
                "dialect": "openai-chat",
                "http": "1.1",
                "region": None,
                "models": [served],
            }
        ],
        "interests": [],
        "notes": "Fictional. It exists only in this demo.",
    }
