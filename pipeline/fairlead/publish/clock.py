"""The client's own error as tables: from the benchmark that ships with the site, and around each window.

Knows no provider's figures. Errors are signed, late ones positive, in milliseconds.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fairlead.publish import figures, markup
from fairlead.publish.edition import Edition
from fairlead.publish.markup import Html, tag
from fairlead.windows import Certificate, Load

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
            row["client"],
            *(
                _number("hidden" if row[name] is None else format(row[name], form))
                for _, name, form in _BENCH
            ),
        )
        for row in bench["rows"]
    ]
    heads = ("Streams", "Client", *(_head(head) for head, _, _ in _BENCH))
    said = (
        f"{bench['cores']} cores, load average {bench['load_average_before'][0]:.1f} before and "
        f"{bench['load_average_after'][0]:.1f} after; medians of {bench['rounds']} rounds of "
        f"{bench['tokens']} tokens a request."
    )
    return markup.join((markup.simple_table("The client's error", heads, rows), tag("p", said)))


def certificates_table(edition: Edition) -> Html:
    """Every certificate that a published window carries: the two around each window, newest window first."""
    rows = list(_certificate_rows(edition))
    if not rows:
        return tag("p", "No published window carries a certificate yet.", class_="fl-empty")
    heads = (
        "Window",
        _head("Load"),
        "Taken",
        _head("Token stamp p50"),
        _head("p99"),
        _head("TTFT p50"),
        _head("p99"),
        "The window",
    )
    return markup.simple_table("Certificates", heads, rows)


def _certificate_rows(edition: Edition) -> Iterator[Html]:
    windows = [item for row in edition.rows for item in row.evidence]
    for item in sorted(windows, key=lambda item: (-item.table.start_unix_ns, item.path)):
        calibration = item.table.header.calibration
        for when, certificate in (("before", calibration.before), ("after", calibration.after)):
            if certificate is not None:
                name = item.path.rpartition("/")[2].removesuffix(".jsonl.gz")
                state = "does not count" if item.invalid else "counts"
                yield _certificate_row(f"{name}, {when}", certificate, state)


def _certificate_row(name: str, certificate: Certificate, state: str) -> Html:
    errors: Sequence[Sequence[int]] = (certificate.token_error_ns, certificate.ttft_error_ns)
    cells = [_number(f"{values[place] / 1e6:+.3f}") for values in errors for place in (1, 3)]
    taken = dt.datetime.fromtimestamp(certificate.taken_unix_ns // 10**9, tz=dt.UTC)
    return markup.row(name, _number(_load_words(certificate.load)), f"{taken:%Y-%m-%d %H:%M}", *cells, state)


def _load_words(load: Load) -> str:
    """``64 streams``; ``50/s poisson``."""
    if load.rate_per_s is not None:
        return f"{load.rate_per_s:g}/s {load.arrivals}"
    return figures.count(load.concurrency or 0, "stream")


def _number(text: str) -> Html:
    return tag("td", text, class_="fl-n")


def _head(text: str) -> Html:
    return tag("th", text, scope="col", class_="fl-n")
