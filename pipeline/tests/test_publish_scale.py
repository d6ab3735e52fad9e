"""What is measured is shown as it is, and what a year would take is reckoned from it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from fairlead.publish import scale
from fairlead.publish.scale import Plan

CHECKOUT = Path(__file__).parents[2]


def size(requests: int, mib: int) -> dict[str, Any]:
    row = {"requests": requests, "windows": requests // 30, "raw_mb": requests / 1000}
    row["provider_months"] = requests // 720
    for command in ("check", "cold", "changed"):
        row |= {f"{command}_s": 2.0, f"{command}_cpu_s": requests / 10_000, f"{command}_mib": mib}
    return row


def found(*rows: dict[str, Any]) -> dict[str, Any]:
    loads = {"load_average_before": 0.5, "load_average_after": 1.0}
    return {"command": "bench", "cores": 2, "requests_per_window": 30, **loads, "rows": list(rows)}


def words(blocks: list[str]) -> str:
    return " ".join(re.sub("<[^>]*>", " ", "".join(blocks)).split())


def test_a_year_is_ten_billion_requests() -> None:
    assert 1e10 <= Plan().windows * Plan().requests < 1.2e10


def test_each_size_and_command_has_a_line() -> None:
    said = words(scale.measured_blocks(found(size(9_000, 70), size(90_000, 100))))
    assert said.count("rank, nothing known") == said.count("check") == 2
    assert "90,000 3,000 90" in said


def test_the_estimate_is_arithmetic_on_the_largest_size() -> None:
    """A request takes 1,000 bytes and 0.1 ms here, and 2,700 further windows 30 MiB."""
    said = words(scale.estimate_blocks([size(9_000, 70), size(90_000, 100)]))
    assert "365,000,000 windows and 10,950,000,000 requests" in said
    assert "10.9 TB" in said
    assert "304 hours of a core" in said
    assert f"1.5 GiB hold {int((1536 - 70) / (30 / 2700)):,} windows" in said


def test_one_size_tells_no_growth() -> None:
    assert "it takes two sizes to tell" in words(scale.estimate_blocks([size(9_000, 70)]))


def test_the_files_that_ship_can_be_shown() -> None:
    assets = CHECKOUT / "site/content/assets"
    shipped, large = (json.loads((assets / f"{name}.json").read_text()) for name in ("scale", "scale-large"))
    assert words(scale.measured_blocks(shipped)) != words(scale.measured_blocks(large))
    sizes = [row["requests"] for row in (*shipped["rows"], *large["rows"])]
    assert sizes == sorted(sizes)
    assert words(scale.estimate_blocks([*shipped["rows"], *large["rows"]]))
