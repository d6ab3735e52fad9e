"""The client's own error as tables: from the benchmark that ships with the site, and around each window.

Knows no provider's figures. Errors are signed, late ones positive, in milliseconds.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fairlead.clock import moment_of
from fairlead.publish import figures, markup
from fairlead.publish.edition import Edition
from fairlead.publish.markup import Html, number_cell, number_head, tag
from fairlead.ranking import Evidence
from fairlead.windows import Certificate, Load

WINDOWS_SHOWN = 100

_BENCH = (
    ("TTFT p50, ms", "ttft_p50_ms", ",.3f"),
    ("TTFT, ms", "ttft_ms", ",.3f"),
    ("token stamp, ms", "token_ms", ",.3f"),
    ("gap, ms", "gap_ms", ",.3f"),
    ("p99 of all gaps, ms", "pooled_gap_ms", ",.3f"),
    ("CPU, ms for 1,000 tokens", "cpu_ms_per_1k", ",.0f"),
    ("memory, MB", "peak_mb", ",.0f"),
    ("missing tokens", "missing", ","),
)


def client_error_table(bench: Mapping[str, Any]) -> Html:
    """The benchmark's table: one row a client and a number of streams. A null is what the client hides."""
    rows = [
        markup.row(
            f"{row['streams']:,}",
            tag("td", row["client"], class_="fl-wide"),
            *(
                number_cell("hidden" if row[name] is None else format(row[name], form))
                for _, name, form in _BENCH
            ),
        )
        for row in bench["rows"]
    ]
    heads = ("Streams", "Client", *(number_head(head) for head, _, _ in _BENCH))
    said = (
        f"{bench['cores']} cores, load average {bench['load_average_before'][0]:.1f} before and "
        f"{bench['load_average_after'][0]:.1f} after; medians of {bench['rounds']} rounds of "
        f"{bench['tokens']} tokens a request."
    )
    return markup.join((markup.simple_table("The client's error", heads, rows), tag("p", said)))


def asked_table(bench: Mapping[str, Any]) -> Html:
    """What is asked of our own client beside what was found in the same run."""
    rows = [
        markup.row(
            number_cell(f"{line['streams']:,}"),
            tag("td", line["what"], class_="fl-wide"),
            number_cell(f"{line['most']:g}"),
            number_cell(f"{line['found']:g}"),
            "held" if line["held"] else tag("strong", "not held"),
        )
        for line in bench["asked"]
    ]
    heads = (number_head("Streams"), "Of our client", number_head("At most"), number_head("Found"), "So")
    return markup.simple_table("What is asked of the client", heads, rows)


def certificates_table(edition: Edition) -> Html:
    """The certificates of published windows: those around each of the newest, and those of older ones by the
    month in which they were taken."""
    windows = [item for row in edition.rows for item in row.evidence]
    windows.sort(key=lambda item: (-item.head.start_unix_ns, item.path))
    rows = [row for item in windows[:WINDOWS_SHOWN] for row in _certificate_rows(item)]
    older = list(_month_rows(windows[WINDOWS_SHOWN:]))
    if not rows and not older:
        return tag("p", "No published window carries a certificate yet.", class_="fl-empty")
    heads = (
        "Window",
        number_head("Load"),
        "Taken",
        number_head("Token stamp p50"),
        number_head("p99"),
        number_head("TTFT p50"),
        number_head("p99"),
        "The window",
    )
    shown = markup.simple_table("Certificates", heads, rows)
    if not older:
        return shown
    left = figures.count(len(windows) - WINDOWS_SHOWN, "older window")
    said = (
        f"Above: the newest {WINDOWS_SHOWN} windows. Below, by month, the largest error of any certificate "
        f"around the {left}; each raw file carries its own."
    )
    below = ("Month", number_head("Certificates"), *heads[3:7])
    return markup.join(
        (shown, tag("p", said, class_="fl-note"), markup.simple_table("Older certificates", below, older))
    )


def _certificates(item: Evidence) -> Iterator[tuple[str, Certificate]]:
    """Those of every node, each with when it was taken and, where there are several, on which."""
    header = item.table.header
    for where, certificate in header.certificates():
        if where.startswith("/nodes/0/"):  # the header's own once more
            continue
        _, *of_node, _, when = where.split("/")
        at = int(of_node[1]) if of_node else 0
        yield f"{when}, node {header.nodes[at].name}" if header.nodes else when, certificate


def _certificate_rows(item: Evidence) -> Iterator[Html]:
    name = item.path.rpartition("/")[2].removesuffix(".jsonl.gz")
    state = "does not count" if item.invalid else "counts"
    for when, certificate in _certificates(item):
        yield _certificate_row(f"{name}, {when}", certificate, state)


def _month_rows(windows: Iterable[Evidence]) -> Iterator[Html]:
    """A line a month, the newest first: how many certificates, and of each figure the largest error."""
    worst: dict[str, tuple[float, ...]] = {}
    numbers = collections.Counter[str]()
    for item in windows:
        for _, certificate in _certificates(item):
            month = f"{moment_of(certificate.taken_unix_ns):%Y-%m}"
            numbers[month] += 1
            pairs = zip(worst.get(month, (0,) * 4), _errors_ns(certificate), strict=True)
            worst[month] = tuple(max(pair, key=abs) for pair in pairs)
    for month in sorted(worst, reverse=True):
        cells = (number_cell(f"{value / 1e6:+.3f}") for value in worst[month])
        yield markup.row(month, number_cell(f"{numbers[month]:,}"), *cells)


def _certificate_row(name: str, certificate: Certificate, state: str) -> Html:
    cells = [number_cell(f"{value / 1e6:+.3f}") for value in _errors_ns(certificate)]
    taken = f"{moment_of(certificate.taken_unix_ns):%Y-%m-%d %H:%M}"
    return markup.row(name, number_cell(_load_words(certificate.load)), taken, *cells, state)


def _errors_ns(certificate: Certificate) -> tuple[int, ...]:
    """Token stamp p50 and p99, TTFT p50 and p99."""
    return tuple(
        values[place]
        for values in (certificate.token_error_ns, certificate.ttft_error_ns)
        for place in (1, 3)
    )


def _load_words(load: Load) -> str:
    """``64 streams``; ``50/s poisson``."""
    if load.rate_per_s is not None:
        return f"{load.rate_per_s:g}/s {load.arrivals}"
    return figures.count(load.concurrency or 0, "stream")
