"""Servers that people really run, measured end to end: ``make test-servers``.

What they answered once is kept among the scripts of the dialects, so that their habits are tested everywhere;
here they are installed, started and measured by the command that a user types.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import real_servers
from click.testing import CliRunner
from environments import UnavailableError
from real_servers import BROKEN, MODEL, SERVERS, Server

from fairlead.cli import cli
from fairlead.measure.dialects import DIALECTS

pytestmark = [pytest.mark.servers, pytest.mark.realtime]


@pytest.fixture(scope="module", params=SERVERS, ids=lambda server: server.name)
def running(request: pytest.FixtureRequest) -> Iterator[tuple[Server, str]]:
    server: Server = request.param
    try:
        started = real_servers.start(server)
        url = started.__enter__()
    except UnavailableError as error:
        pytest.skip(f"{server.name}: {error}")
    yield server, url
    started.__exit__(None, None, None)


def measure(url: str, model: str, dialect: str, requests: int, words: int = 60) -> dict[str, object]:
    base = url if DIALECTS[dialect].root == "/v1" else url.removesuffix("/v1")
    typed = ("--url", base, "--model", model, "--dialect", dialect, "--requests", str(requests))
    found = CliRunner().invoke(
        cli, ["measure", *typed, "--max-tokens", "16", "--input-words", str(words), "--json"]
    )
    assert found.exit_code == 0, found.stderr
    summary: dict[str, object] = json.loads(found.stdout)
    return summary


def test_each_dialect_that_it_speaks_is_measured_without_a_failure(running: tuple[Server, str]) -> None:
    server, url = running
    for dialect in server.dialects:
        summary = measure(url, MODEL, dialect, 6)
        assert summary["outcomes"] == {"ok": 6}, (server.name, dialect, summary)


def test_the_doctor_finds_what_it_speaks(running: tuple[Server, str]) -> None:
    server, url = running
    found = CliRunner().invoke(cli, ["doctor", "--url", url, "--model", MODEL, "--json"])
    findings = {finding["name"]: finding for finding in json.loads(found.stdout)["findings"]}
    assert found.exit_code == 0, findings
    assert findings["dialect"]["seen"].startswith(f"{server.dialects[0]} answers")
    assert findings["streams"]["level"] == "ok"


def test_a_failure_behind_a_gateway_is_a_failure(running: tuple[Server, str]) -> None:
    """The stream of what stands behind it ends with an error; no gateway may turn that into a success."""
    server, url = running
    if server.name != "litellm":
        pytest.skip("it stands before nothing")
    for dialect in server.dialects:
        if DIALECTS[dialect].streamed:
            outcomes = measure(url, BROKEN, dialect, 3)["outcomes"]
            assert outcomes == {"in_stream_error": 3}, (dialect, outcomes)


def test_a_prompt_that_is_too_long_is_a_failure_though_its_status_is_200(running: tuple[Server, str]) -> None:
    server, url = running
    if server.name != "llama-cpp":
        pytest.skip("its model takes any length")
    outcomes = measure(url, MODEL, "openai-chat", 2, words=4000)["outcomes"]
    assert isinstance(outcomes, dict)
    assert set(outcomes) <= {"empty", "truncated"}
