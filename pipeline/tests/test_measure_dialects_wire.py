"""Each API over a real socket: the request that arrives, and the record that comes of its answer."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator

import pytest

from fairlead.measure.dialects import DIALECTS
from fairlead.measure.plan import Plan
from fairlead.measure.runner import measure_window
from fairlead.windows import Outcome

from . import dialect_streams as streams


class Scripted(socketserver.ThreadingTCPServer):
    """Answers every request with the scripted answer of ``dialect`` and keeps what was asked."""

    daemon_threads = True
    allow_reuse_address = True
    dialect = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, dict[str, str], bytes]] = []


class Handler(socketserver.StreamRequestHandler):
    server: Scripted

    def handle(self) -> None:
        while first := self.rfile.readline():
            lines = iter(self.rfile.readline, b"\r\n")
            headers = dict(line.decode().rstrip().lower().split(": ", 1) for line in lines)
            body = self.rfile.read(int(headers["content-length"]))
            self.server.asked.append((first.decode().rstrip(), headers, body))
            for piece in streams.reads_of(f"{self.server.dialect}/answer"):
                self.wfile.write(piece)


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_window_in_any_dialect_asks_its_api_and_records_the_answer(dialect, server, tmp_path):
    server.dialect = dialect
    url = f"http://127.0.0.1:{server.server_address[1]}"
    plan = Plan(
        url=url, model="m-1", dialect=dialect, concurrency=1, requests=2, max_tokens=7, seed="00", ramp_ns=0
    )
    sealed = measure_window(plan, spool=tmp_path / "spool")
    scripted = streams.record(dialect, streams.reads_of(f"{dialect}/answer"))
    assert sealed.window.header.dialect == dialect
    assert [request.outcome for request in sealed.window.requests] == [Outcome.OK, Outcome.OK]
    assert {(request.text, request.tokens) for request in sealed.window.requests} == {
        (scripted.text, scripted.tokens)
    }
    path = DIALECTS[dialect].url(url, "m-1").removeprefix(url)
    for line, headers, body in server.asked:
        assert line == f"POST {path} HTTP/1.1"
        assert set(DIALECTS[dialect].headers) <= set(headers.items())
        assert b"7" in body
        assert json.loads(body)
