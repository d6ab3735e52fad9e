"""Whatever passes the checks of requests can be looked at, however odd its numbers are."""

from __future__ import annotations

from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from fairlead import integrity
from fairlead.checks.requests import LIMIT, request_problems
from fairlead.problems import Severity
from fairlead.windows import Connection, Outcome, Tokens, Window

from ..examples import make_failure, make_header, make_load, make_request
from ..test_integrity import rules

numbers = st.integers(0, 50_000_000) | st.sampled_from([0, 1, 10**9, LIMIT])
counts = st.none() | numbers


@st.composite
def requests(draw: st.DrawFn, i: int) -> Any:
    connection = Connection(reused=None, dns_ns=draw(counts), tcp_ns=draw(counts), tls_ns=draw(counts))
    sent = draw(numbers)
    if draw(st.booleans()):
        outcome = draw(st.sampled_from([Outcome.CONNECT, Outcome.CLIENT]))
        never = {"status": None, "sent_ns": None, "headers_ns": None}
        return make_failure(outcome, i=i, done_ns=draw(counts), connection=connection, **never)
    gaps = draw(st.lists(numbers, max_size=40))
    headers = sent + draw(numbers)
    chunks = [headers + draw(numbers), *gaps]
    return make_request(
        i=i,
        sent_ns=sent,
        headers_ns=headers,
        chunk_ns=chunks,
        done_ns=min(sum(chunks) + draw(numbers), LIMIT),
        connection=connection,
        text=draw(st.none() | st.text(max_size=6)),
        tokens=Tokens(**{name: draw(counts) for name in Tokens.__struct_fields__}),
        body_sha256=draw(st.sampled_from([None, "a", "b"])),
    )


@given(st.data())
def test_what_passes_the_checks_of_requests_can_be_looked_at(data: st.DataObject) -> None:
    traces = []
    for number in range(data.draw(st.integers(1, 3))):
        rows = [data.draw(requests(i)) for i in range(data.draw(st.integers(1, 6)))]
        load = make_load(planned=len(rows), concurrency=1)
        window = Window(header=make_header(load=load), requests=rows)
        if not any(one.severity is Severity.ERROR for one in request_problems("a", window)):
            traces.append(integrity.observe(str(number), window, None, rules()))
    event(f"{len(traces)} windows")
    beside = [integrity.Beside(0, data.draw(numbers), data.draw(numbers), 1.0)] * 3
    for finding in integrity.examine(traces, rules(), neutral=beside):
        assert finding.sentence
        assert finding.p_value is None or 0 <= finding.p_value <= 1
