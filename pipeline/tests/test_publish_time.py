"""What the site says of hours, days, drift and age, and of curves and fronts: read from a page's blocks."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import jsonschema
import msgspec
import numpy as np
import pytest

from fairlead.cost import Bill
from fairlead.metrics import Undefined
from fairlead.profile import Coverage, Drift, Sampling
from fairlead.publish import api, curves, observed, results, time
from fairlead.publish.edition import Edition
from fairlead.ranking import Evidence, Origin, build_rows
from fairlead.repository import Repository
from fairlead.windows import Methodology, Outcome

from .examples import DAY_NS, S, make_clock, make_evidence, make_load, make_table, with_table
from .publish_example import COMMIT, NOW, START_NS, Outline, load, write_root

HOUR_NS = DAY_NS // 24
STREAMS = {"chat-c1": 1, "chat-c8": 8, "chat-c32": 32}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    folder = tmp_path_factory.mktemp("root")
    write_root(folder)
    return load(folder)[0]


_CHANGES: tuple[tuple[str, Any], ...] = (("bill", None), ("invalid", ()), ("speed", 90.0))


def window(hour: float, *, provider: str = "acme", scenario: str = "chat-c1", **changes: Any) -> Evidence:
    """A neutral window of the example's board, so many hours after its first."""
    table = {
        name: changes.pop(name) for name in ("throughput_tps", "failures", "successes") if name in changes
    }
    bill, invalid, speed = (changes.pop(name, other) for name, other in _CHANGES)
    values = {
        "ttft_ms": changes.pop("ttft_ms", [200.0] * 30),
        "output_speed_tps": [speed * (1 + 0.0001 * turn) for turn in range(30)],
    }
    clock = make_clock(start_unix_ns=START_NS + round(hour * HOUR_NS), **changes.pop("clock", {}))
    header = {
        "provider": provider,
        "endpoint": "api",
        "round": f"r{hour}",
        "clock": clock,
        "load": make_load(concurrency=STREAMS[scenario], planned=30),
        "methodology": Methodology(version="0.1.0", sha256="0" * 64),
    }
    made = make_table(values, **table, **(header | changes))
    if bill is not None:
        made = dataclasses.replace(made, bill=bill)
    origin = Origin.IMPORTED if made.header.origin == "imported" else Origin.NEUTRAL
    return make_evidence(made, scenario=scenario, invalid=invalid, origin=origin)


def edition_of(
    repository: Repository, evidence: Iterable[Evidence], now: dt.datetime = NOW, **versions: Any
) -> Edition:
    methodologies = {**repository.methodologies, **versions}
    changed = dataclasses.replace(repository, methodologies=methodologies)
    rows = build_rows(evidence, repository.providers, methodologies, now_unix_ns=int(now.timestamp()) * S)
    return Edition(changed, rows, now, COMMIT, {})


def cells(blocks: Sequence[str], label: str) -> dict[str, list[str]]:
    """The text of each row of the table of that label, by its first cell; a second of a name gets a dash."""
    (table,) = [block for block in blocks if f'aria-label="{label}' in block]
    found: dict[str, list[str]] = {}
    for row in re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL):
        name, *rest = [" ".join(Outline(cell).text.split()) for cell in re.split(r"(?=<t[dh][ >])", row)[1:]]
        while name in found:
            name += "-"
        found[name] = rest
    return found


def text(blocks: Iterable[str]) -> str:
    return " ".join(Outline("".join(blocks)).text.split())


# -- hours and days ------------------------------------------------------------------------------


def test_an_hour_is_a_figure_or_empty_or_missing_in_words(repository: Repository) -> None:
    """24 cells: what was measured, the hour of an invalid window, and all others empty."""
    blocks = time.model_blocks(
        edition_of(
            repository,
            [
                *(window(3 + 24 * day) for day in range(4)),
                window(5, failures={Outcome.TIMEOUT: 10}),
                window(7, invalid=("cut off: 12 of 30 planned requests were sent",)),
                window(9, ttft_ms=[200.0] * 4, successes=30),
            ],
        ),
        "fable-7b",
    )
    table = cells(blocks, "By hour of the day: chat-c1, from Harbour")
    assert table["UTC"] == [f"{hour:02}" for hour in range(24)]
    found = table["Acme Inference api · neutral"]
    assert len(found) == 24
    assert found[3] == "200 200 – 200 n 120"
    assert found[5] == "200 n 30 75.0 % ok"
    assert found[7] == "missing 1 invalid"
    assert found[9] == "– n 4"
    assert {found[hour] for hour in range(24) if hour not in (3, 5, 7, 9)} == {"empty"}
    said = text(blocks)
    assert "3 of 24 hours sampled (12.5 %), 20 empty (00–02, 04, 06, 08, 10–23), 1 missing (07)." in said
    assert "1 invalid window not covered: cut off: 12 of 30 planned requests were sent." in said
    assert "4 of 4 days covered. Longest time between two windows: 24.0 hours." in said
    assert "Newest window: 6 days old." in said


def test_the_data_file_holds_the_hours_that_were_looked_at_and_the_drift(repository: Repository) -> None:
    """The same hours as on the page; what is not judged has its reason; all of it as its schema says."""
    edition = edition_of(
        repository,
        [
            *(window(3 + 24 * day) for day in range(4)),
            window(7, invalid=("cut off: 12 of 30 planned requests were sent",)),
            window(9, provider="borealis", clock={"basis": "file_timestamp"}),
        ],
    )
    found = observed.profiles(edition, "fable-7b")
    envelope = {"$schema": "x", "schema_version": 1, "generated_at": "2026-03-01T12:00:00Z", "commit": COMMIT}
    jsonschema.Draft202012Validator(api.schema("profiles")).validate(json.loads(api.text(envelope | found)))
    acme, borealis = found["rows"]
    assert [(each["hour"], each["windows"], each["invalid"]) for each in acme["hours"]] == [
        (3, 4, 0),
        (7, 0, 1),
    ]
    assert acme["hours"][0]["figures"]["ttft_p50_ms"]["value"] == 200.0
    assert (acme["hours"][0]["requests"], acme["hours"][1]["figures"]) == (120, {})
    assert (acme["coverage"]["hours_sampled"], acme["coverage"]["days"]) == (1, 4)
    assert [each["metric"] for each in acme["drift"]] == ["ttft_ms", "output_speed_tps"]
    assert all("4 days tell of a trend" in each["reason"] and not each["stands"] for each in acme["drift"])
    assert borealis["hours"] == []
    assert "its time is that of a file" in borealis["reason"]


def test_a_drift_that_stands_on_the_page_stands_in_the_data_file(repository: Repository) -> None:
    days = range(40)
    edition = edition_of(
        repository,
        [
            *(window(24 * day, ttft_ms=[200.0 * 1.02**day] * 30) for day in days),
            *(window(24 * day, provider="borealis", ttft_ms=[200.0 + day * 7 % 5] * 30) for day in days),
        ],
        now=NOW + dt.timedelta(days=40),
    )
    acme, borealis = observed.profiles(edition, "fable-7b")["rows"]
    drifts = [{each["metric"]: each for each in row["drift"]}["ttft_ms"] for row in (acme, borealis)]
    assert [each["stands"] for each in drifts] == [True, False]
    assert drifts[0]["share_per_day"] == pytest.approx(0.02)


def test_a_page_holds_the_last_days_however_many_there_were(repository: Repository) -> None:
    """Ten years with a window a day: fourteen columns of days, named by their dates."""
    shared = window(0)
    years = [
        with_table(
            shared,
            dataclasses.replace(
                shared.table,
                start_unix_ns=START_NS - day * DAY_NS,
                end_unix_ns=START_NS - day * DAY_NS + 60 * S,
            ),
            path=f"{day}",
        )
        for day in range(3653)
    ]
    blocks = time.model_blocks(edition_of(repository, years), "fable-7b")
    table = cells(blocks, "By day: chat-c1")
    assert table["Day"] == [f"2026-02-{day:02}" for day in range(7, 21)]
    assert table["Acme Inference api · neutral"] == ["200 n 30"] * 14
    assert "3,653 of 3,653 days covered." in text(blocks)
    assert sum(map(len, blocks)) < 20_000


def test_a_day_of_sixty_seconds_has_hours_of_its_own(repository: Repository) -> None:
    """Windows 2.5 s apart lie in neighbouring hours, and the page says how long that day is."""
    short = msgspec.structs.replace(repository.methodologies["0.1.0"], day_seconds=60)
    turns = [window(turn * 2.5 / 3600, clock={"duration_ns": S}) for turn in range(3)]
    blocks = time.model_blocks(edition_of(repository, turns, **{"0.1.0": short}), "fable-7b")
    found = cells(blocks, "By hour of the day")["Acme Inference api · neutral"]
    assert found[:4] == ["200 n 30", "200 n 30", "200 n 30", "empty"]
    assert cells(blocks, "By day")["Day"] == ["2026-02-20 00:00:00"]
    assert "A day of this methodology has 60 seconds, an hour a 24th of that." in text(blocks)
    assert "Longest time between two windows: 1.5 s." in text(blocks)


def test_rows_of_files_have_no_hours_and_say_why(repository: Repository) -> None:
    imported = window(3, origin="imported", clock={"basis": "file_timestamp"}, methodology=None)
    said = text(time.model_blocks(edition_of(repository, [imported]), "fable-7b"))
    reason = "no window states when it was measured: its time is that of a file"
    assert f"No row of this table has a profile: {reason}." in said


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        ((), ""),
        ((4,), "04"),
        ((0, 1, 2), "00–02"),
        ((0, 2, 3, 23), "00, 02–03, 23"),
        (tuple(range(24)), "00–23"),
    ],
)
def test_neighbouring_hours_are_joined(hours: tuple[int, ...], words: str) -> None:
    assert time.hour_ranges(hours) == words


def test_many_reasons_are_counted_and_not_all_listed() -> None:
    found = Coverage(
        hours=(Sampling.INVALID,) * 24,
        windows=0,
        days=0,
        days_span=0,
        longest_gap_ns=None,
        invalid=9,
        reasons=tuple((f"reason {number}", 1) for number in range(9)),
        untimed=2,
    )
    assert list(time.coverage_sentences(found)) == [
        "0 of 24 hours sampled (0 %), none empty, 24 missing (00–23).",
        "0 of 0 days covered.",
        "9 invalid windows not covered: reason 0; reason 1; reason 2; and 6 more reasons.",
        "2 windows of unknown hour left out.",
    ]


# -- drift and age -------------------------------------------------------------------------------


def test_a_drift_is_told_where_it_stands_and_else_it_is_said_that_none_can_be() -> None:
    found = Drift(share_per_day=0.01, p_value=0.001, days=20, days_span=30)
    told = frozenset({("row", "ttft_ms")})
    assert list(time.drift_sentences("row", {"ttft_ms": found, "output_speed_tps": found}, told)) == [
        "Drift: TTFT p50 rose by 33.5 % over 30 days, 20 of them measured.",
        "No drift of output speed p50 can be told over 30 days, 20 of them measured.",
    ]
    lacking = Undefined("3 days, 14 are needed")
    assert list(time.drift_sentences("row", {"ttft_ms": lacking, "output_speed_tps": lacking}, told)) == [
        "Drift of TTFT p50 and output speed p50 is not judged: 3 days, 14 are needed."
    ]


def test_a_provider_that_slows_down_is_told_on_the_page_and_a_steady_one_is_not(
    repository: Repository,
) -> None:
    """Three per cent a day for twenty days, under noise of a tenth; the rival has only the noise."""
    noise = np.random.default_rng(11).normal(0, 0.1, 20)
    evidence = [
        window(24 * day + 3, provider=provider, ttft_ms=[200 * math.exp(rate * day + noise[day])] * 30)
        for provider, rate in (("acme", 0.03), ("borealis", 0.0))
        for day in range(20)
    ]
    later = dt.datetime(2026, 3, 20, tzinfo=dt.UTC)
    said = text(time.model_blocks(edition_of(repository, evidence, later), "fable-7b"))
    acme, borealis = said.partition("Acme Inference, api, neutral:")[2].split("Borealis, api, neutral:")
    assert re.search(r"Drift: TTFT p50 rose by [67]\d\.\d % over 20 days, 20 of them measured", acme)
    assert "No drift of TTFT p50 can be told over 20 days" in borealis
    assert "No drift of output speed p50" in acme


@pytest.mark.parametrize(
    ("days", "words"),
    [(30, None), (31, "older than 30 days"), (91, "older than 90 days"), (-1, "dated in the future")],
)
def test_a_row_is_marked_by_its_age(repository: Repository, days: int, words: str | None) -> None:
    """In words on the board itself; one of more than 90 days is not ranked either."""
    ended = dt.datetime.fromtimestamp(START_NS / S + 60, tz=dt.UTC)
    edition = edition_of(repository, [window(0)], ended + dt.timedelta(days=days))
    (row,) = edition.rows
    badge = results.age_badge(edition, row)
    assert (Outline(badge).text.strip() if badge else None) == words
    assert (badge or "").strip() in "".join(results.model_page(edition, "fable-7b").blocks)
    assert ("older than 90 days" in row.unranked) is (days > 90)


def test_long_tables_of_hours_and_days_stand_on_a_page_of_their_own(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model's page keeps the heading and leads there; nothing is said twice and nothing is left out."""
    edition = edition_of(repository, [window(0), window(1, provider="borealis")])
    whole = time.model_blocks(edition, "fable-7b")
    assert list(time.model_pages(edition, "fable-7b")) == []
    monkeypatch.setattr(time.markup, "LINES_UNFOLDED", 1)
    (page,) = time.model_pages(edition, "fable-7b")
    head, way = time.model_blocks(edition, "fable-7b")
    assert (page.url, head) == ("models/fable-7b/time/", whole[0])
    assert 'href="time/"' in way
    apart = text(f"{block} " for block in page.blocks)
    assert [word for word in text(f"{block} " for block in whole[1:]).split() if word not in apart] == ["###"]
    assert any(block.startswith("## ") for block in page.blocks)  # one level higher there


# -- curves and fronts ---------------------------------------------------------------------------


def level(
    provider: str, scenario: str, system: float | Undefined, speed: float, **changes: Any
) -> list[Evidence]:
    """Eight windows of one level that differ by a thousandth."""
    return [
        window(
            turn * 3,
            provider=provider,
            scenario=scenario,
            throughput_tps=system if isinstance(system, Undefined) else system * (1 + 0.001 * (turn % 2)),
            speed=speed * (1 + 0.001 * (turn % 2)),
            **changes,
        )
        for turn in range(8)
    ]


def test_a_curve_lists_every_level_with_its_place_on_the_front(repository: Repository) -> None:
    """One row wins at one stream, the other at 32; a level that was not measured and a small one say so."""
    small = Undefined("30 requests, 80 are needed at this concurrency")
    edition = edition_of(
        repository,
        [
            *level("acme", "chat-c1", 90, 95),
            *level("acme", "chat-c8", small, 80),
            *level("acme", "chat-c32", 900, 30),
            *level("borealis", "chat-c1", 80, 85),
            *level("borealis", "chat-c32", 1000, 40),
        ],
    )
    blocks = curves.model_blocks(edition, "fable-7b")
    table = cells(blocks, "Over concurrency: chat-short, from Harbour, methodology 0.1.0")
    assert list(table) == [
        "Provider",
        *(f"{name} api{dash}" for name in ("Acme Inference", "Borealis") for dash in ("", "-", "--")),
    ]
    assert [row[0] for row in table.values()] == ["Streams", "1", "8", "32", "1", "8", "32"]
    assert [row[-1] for row in table.values()] == [
        "Front",
        "on the front",
        "missing: no system throughput: 30 requests, 80 are needed at this concurrency",
        "behind the front",
        "behind the front",
        "missing: not measured",
        "on the front",
    ]
    assert table["Acme Inference api"][1].startswith("90.0 ")
    assert table["Borealis api-"][1:4] == ["–", "–", "–"]


def test_a_level_that_may_not_be_ranked_is_listed_and_beats_nobody(repository: Repository) -> None:
    """Half of the requests fail, the rest are fast: no place on the front; the honest row keeps its own."""
    shedding = {"failures": {Outcome.RATE_LIMITED: 30}}
    edition = edition_of(
        repository,
        [
            *level("acme", "chat-c1", 90, 95),
            *level("acme", "chat-c8", 500, 70),
            *level("dunlin", "chat-c8", 5000, 200, **shedding),
        ],
    )
    table = cells(curves.model_blocks(edition, "fable-7b"), "Over concurrency")
    assert table["Acme Inference api-"][-1] == "on the front"
    assert table["Dunlin api-"][-1].startswith("not compared: 240 of 480 requests succeeded")


def test_one_level_is_no_curve(repository: Repository) -> None:
    edition = edition_of(repository, level("acme", "chat-c1", 90, 95))
    assert curves.model_blocks(edition, "fable-7b") == []


def bill(output: float) -> Bill:
    return Bill(
        input_tokens=12_000, cached_tokens=0, output_tokens=output, calls=30, estimated_calls=0, successes=30
    )


def test_cost_stands_against_speed_with_a_front(repository: Repository) -> None:
    """At 0.2 and 0.6 US$: 12,000 tokens in and as many out cost 0.4 a million, with 4,000 out 0.3.

    The dear row is slower too and so behind; the row without a cost has no place and says why.
    """
    edition = edition_of(
        repository,
        [
            *level("acme", "chat-c1", 90, 95, bill=bill(4_000)),
            *level("borealis", "chat-c1", 80, 85, bill=bill(12_000)),
            *level("cumulus", "chat-c1", 70, 99),
        ],
    )
    table = cells(curves.model_blocks(edition, "fable-7b"), "Cost against speed: chat-c1, from Harbour")
    assert table["Acme Inference api"][0] == "0.300 0.300 – 0.300 n 240"
    assert table["Borealis api"][0] == "0.400 0.400 – 0.400 n 240"
    assert [row[-1] for row in table.values()] == ["Front", "on the front", "behind the front", "missing"]
    assert table["Cumulus Cloud Works api"][0] == "– its tokens were not added up"


def test_rows_that_the_intervals_do_not_tell_apart_are_no_winners(repository: Repository) -> None:
    """Speeds of 90 and 91 that vary by a tenth: both say that their place is not borne out."""
    edition = edition_of(
        repository,
        [
            window(3 * turn, provider=provider, speed=speed + 9 * (turn % 2), bill=bill(4_000))
            for provider, speed in (("acme", 90.0), ("borealis", 91.0))
            for turn in range(8)
        ],
    )
    table = cells(curves.model_blocks(edition, "fable-7b"), "Cost against speed")
    assert [row[-1] for row in table.values()][1:] == [
        "behind by its estimates, which the intervals do not bear out",
        "on the front by its estimates, which the intervals do not bear out",
    ]


def test_nothing_of_it_needs_a_style_or_a_script(repository: Repository) -> None:
    """The site's policy allows neither: no style attribute, only elements of tables, lists and figures."""
    edition = edition_of(repository, [*level("acme", "chat-c1", 90, 95), *level("acme", "chat-c8", 500, 70)])
    html = "".join([*curves.model_blocks(edition, "fable-7b"), *time.model_blocks(edition, "fable-7b")])
    assert Outline(html).values("style") == []
    assert Outline(html).names <= {
        "p", "div", "table", "thead", "tbody", "tr", "th", "td", "small", "span", "i", "ul", "li",
        "figure", "figcaption", "strong", "b", "details", "summary",
    }  # fmt: skip
