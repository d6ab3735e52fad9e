"""A first look at an endpoint, over real sockets: what is asked, what is said, what is never done."""

from __future__ import annotations

import email.utils
import json
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fairlead.cli import cli
from fairlead.clock import SystemClock
from fairlead.cost import NoCost, Spending
from fairlead.doctor import Costing, Finding, Level, findings, look_at
from fairlead.measure.policy import secret_for_url
from fairlead.measure.reference import LOOPBACK_PEM, start_reference
from fairlead.measure.truth import ReferenceProfile

from . import roots

KEY = "sk-example-0123456789abcdef"
Answer = Callable[[str, dict[str, object]], bytes]


class Scripted(socketserver.ThreadingTCPServer):
    """Answers each request by its path and body, and keeps what was asked."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.asked: list[tuple[str, dict[str, object]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(socketserver.StreamRequestHandler):
    server: Scripted

    def handle(self) -> None:
        while first := self.rfile.readline():
            lines = iter(self.rfile.readline, b"\r\n")
            headers = dict(line.decode().rstrip().lower().split(": ", 1) for line in lines)
            body = json.loads(self.rfile.read(int(headers["content-length"])))
            path = first.decode().split(" ")[1]
            self.server.asked.append((path, body))
            self.wfile.write(self.server.answer(path, body))


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], Scripted]]:
    running: list[tuple[Scripted, threading.Thread]] = []

    def start(answer: Answer) -> Scripted:
        server = Scripted(answer)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()


def response(status: int, kind: str, body: bytes, *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status} X", f"content-type: {kind}", f"content-length: {len(body)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def chat(body: dict[str, object], *headers: str, opening: bytes = b"", usage: bool = True) -> bytes:
    """A streamed chat of as many tokens as asked for."""
    limit = body["max_tokens"]
    assert isinstance(limit, int)
    chunks: list[dict[str, object]] = [
        {"choices": [{"delta": {"content": f"w{at} "}, "finish_reason": None}]} for at in range(limit)
    ]
    chunks.append({"choices": [{"delta": {}, "finish_reason": "length"}]})
    if usage:
        chunks.append({"choices": [], "usage": {"completion_tokens": limit, "prompt_tokens": 40}})
    events = b"".join(b"data: %s\n\n" % json.dumps(chunk).encode() for chunk in chunks)
    return response(200, "text/event-stream", opening + events + b"data: [DONE]\n\n", *headers)


def look(url: str, *, dialect: str | None = None, **more: object) -> dict[str, Finding]:
    looked = look_at(
        url,
        "m-1",
        dialect=dialect,
        http="1.1",
        key=None,
        seed="00",
        clock=SystemClock(),
        **more,  # type: ignore[arg-type]
    )
    found = findings(looked, options="--url U --model m-1")
    return {finding.name: finding for finding in found}


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(cli, ["doctor", *arguments], env=environment)


# --- a healthy endpoint --------------------------------------------------------------------------------


def test_of_the_reference_it_says_what_the_reference_does() -> None:
    """Each thing that the reference was told to do is found, and none besides."""
    with start_reference(ReferenceProfile(ttft_median_ms=5, icl_median_ms=1, model="m-1")) as reference:
        found = look(reference.url)
    assert {finding.level for finding in found.values()} == {Level.OK}, found
    assert "openai-chat answers" in found["dialect"].seen
    assert found["streams"].seen.startswith("yes: 32 content chunks")
    assert found["first event"].seen.startswith("1 without content")
    assert found["finish"].seen == "reason length, then [DONE]"
    assert found["max_tokens"].seen == (
        "obeyed: 32 asked, 32 tokens came (length); 8 asked, 8 tokens came (length)"
    )
    assert found["sampling"].seen == "temperature accepted; seed accepted"


def test_over_tls_both_versions_of_http_are_looked_for() -> None:
    with start_reference(
        ReferenceProfile(ttft_median_ms=5, icl_median_ms=1, model="m-1"), tls=True
    ) as reference:
        context = ssl.create_default_context(cafile=str(LOOPBACK_PEM))
        looked = look_at(
            reference.url,
            "m-1",
            dialect=None,
            http="1.1",
            key=None,
            seed="00",
            clock=SystemClock(),
            tls=context,
        )
    kinds = [each.question for each in looked.looks]
    assert kinds == ["speaks", "limit", "temperature", "seed", "http2"]
    # This context offers no HTTP/2, so the server agrees on none: that is told apart from a failure.
    found = {finding.name: finding for finding in findings(looked, options="")}
    assert "TLS" in found["reachable"].seen
    assert (found["HTTP/2"].level, found["HTTP/2"].seen) == (Level.OK, "not spoken")


def test_one_dialect_is_enough_and_no_further_one_is_tried(serve: Callable[[Answer], Scripted]) -> None:
    """A gateway may bar a model for all its users after a request for an API that it has not."""
    server = serve(lambda path, body: chat(body))
    found = look(server.url)
    assert {path for path, _ in server.asked} == {"/v1/chat/completions"}
    assert len(server.asked) == 4
    assert found["dialect"].next == "fairlead doctor --url U --model m-1 --dialect openai-completions"
    prompts = [json.dumps(body["messages"]) for _, body in server.asked]
    assert len(set(prompts)) == len(prompts), "a prompt that was sent before may be cached"


# --- what stands in the way ----------------------------------------------------------------------------


def test_a_closed_port_is_one_finding_with_the_class_that_a_measurement_gives() -> None:
    found = look("http://127.0.0.1:9/v1")
    assert list(found) == ["reachable"]
    assert found["reachable"].level is Level.PROBLEM
    assert "class `connect`" in found["reachable"].means
    assert "fairlead reference --port 8377" in (found["reachable"].next or "")


@pytest.mark.parametrize(
    ("status", "next_step"),
    [
        (401, "it wants a key: export KEY=…; fairlead doctor --url U --model m-1 --key-env KEY"),
        (404, "check the path of --url"),
        (429, "wait until it takes requests again"),
        (500, "check the model's name"),
    ],
)
def test_a_status_is_classed_and_names_the_next_command(
    status: int, next_step: str, serve: Callable[[Answer], Scripted]
) -> None:
    error = b'{"error": {"message": "no \\u001b[2Jsuch thing", "code": "x"}}'
    server = serve(lambda path, body: response(status, "application/json", error, "Retry-After: 7"))
    found = look(server.url)
    assert found["dialect"].level is Level.PROBLEM
    assert f"(status {status})" in found["dialect"].seen
    assert found["dialect"].next is not None
    assert next_step in found["dialect"].next
    assert "\x1b" not in "".join(finding.seen for finding in found.values())
    assert found["rate limits"].seen == "retry-after: 7"


def test_a_redirect_is_never_followed(serve: Callable[[Answer], Scripted]) -> None:
    other = serve(lambda path, body: chat(body))
    server = serve(
        lambda path, body: response(307, "text/plain", b"", f"Location: {other.url}/chat/completions")
    )
    assert look(server.url)["dialect"].level is Level.PROBLEM
    assert other.asked == []


def test_an_answer_that_comes_whole_is_found_under_its_own_name(serve: Callable[[Answer], Scripted]) -> None:
    whole = {
        "choices": [{"message": {"content": "w0 w1"}, "finish_reason": "length"}],
        "usage": {"completion_tokens": 32, "prompt_tokens": 40},
    }

    def answer(path: str, body: dict[str, object]) -> bytes:
        if path != "/v1/chat/completions":
            return response(404, "application/json", b"{}")
        return response(200, "application/json", json.dumps(whole).encode())

    found = look(serve(answer).url)
    assert "openai-chat-whole answers" in found["dialect"].seen
    assert (found["streams"].level, found["streams"].seen) == (Level.NOTE, "no: the answer comes whole")
    assert found["max_tokens"].level is Level.NOTE, "32 tokens came where 8 were asked for"


def test_what_is_odd_in_a_stream_is_said_with_what_it_means(serve: Callable[[Answer], Scripted]) -> None:
    """A comment first, no usage, a seed refused, rate limits, and a clock that is an hour ahead."""
    ahead = email.utils.formatdate(SystemClock().unix_ns() / 1e9 + 3600, usegmt=True)

    def answer(path: str, body: dict[str, object]) -> bytes:
        if "seed" in body:
            return response(400, "application/json", b'{"error": {"message": "seed is not supported"}}')
        headers = (f"Date: {ahead}", "x-ratelimit-limit-requests: 60")
        return chat(body, *headers, opening=b": OPENROUTER PROCESSING\n\n", usage=False)

    found = look(serve(answer).url)
    assert found["keep-alives"].seen == "1, as in : OPENROUTER PROCESSING"
    assert found["usage"].level is found["tokens a chunk"].level is Level.NOTE
    assert "--tokenizer" in (found["usage"].next or "")
    assert found["rate limits"].seen == "x-ratelimit-limit-requests: 60"
    assert found["clock"].level is Level.NOTE
    assert found["clock"].seen.startswith("its Date is +359")
    assert found["sampling"].seen.endswith("seed not: refused (status 400): seed is not supported")


def test_rubbish_is_a_finding_and_no_traceback(serve: Callable[[Answer], Scripted]) -> None:
    server = serve(lambda path, body: b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
    assert "malformed" in look(server.url)["dialect"].seen


# --- the command ---------------------------------------------------------------------------------------


def test_the_command_prints_lines_for_people_and_json_for_machines(
    serve: Callable[[Answer], Scripted], tmp_path: Path
) -> None:
    server = serve(lambda path, body: chat(body))
    root = roots.build_root(tmp_path / "root")
    typed = ("--url", server.url, "--model", "m-1", "--root", str(root))
    text = run(*typed)
    assert text.exit_code == 0, text.stderr
    assert "= means: " in text.stdout
    assert "cost" in text.stdout
    machine = json.loads(run(*typed, "--json").stdout)
    assert {"name", "level", "seen", "means", "next"} == set(machine["findings"][0])
    priced = run(*typed, "--usd-per-mtok-in", "1", "--usd-per-mtok-out", "2", "--json")
    cost = json.loads(priced.stdout)["findings"][-1]
    assert (cost["name"], cost["level"]) == ("cost", "ok")
    assert "by the prices that you typed" in cost["seen"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--url", "ftp://x", "--model", "m"), "is not a URL such as"),
        (("--url", "http://127.0.0.1:9", "--model", "m", "--dialect", "morse"), "dialect 'morse'"),
        (("--url", "http://127.0.0.1:9", "--model", "m", "--http", "2"), "over TLS only"),
        (
            ("--url", "http://127.0.0.1:9", "--model", "m", "--key-env", "NOPE"),
            "no such environment variable",
        ),
    ],
)
def test_what_cannot_be_asked_is_a_usage_error(arguments: tuple[str, ...], said: str) -> None:
    found = run(*arguments)
    assert (found.exit_code, said in found.stderr) == (2, True), found.stderr


def test_a_key_goes_nowhere_but_over_https(serve: Callable[[Answer], Scripted]) -> None:
    server = serve(lambda path, body: chat(body))
    found = run("--url", server.url, "--model", "m", "--key-env", "EXAMPLE_KEY", EXAMPLE_KEY=KEY)
    assert found.exit_code == 2
    assert server.asked == []


def test_a_key_goes_to_no_private_address() -> None:
    """As in a measurement: the policy stands in the transport."""
    looked = look_at(
        "https://api.acme.example/v1",
        "m-1",
        dialect=None,
        http="1.1",
        key=secret_for_url(KEY, "https://api.acme.example/v1"),
        seed="00",
        clock=SystemClock(),
        resolve=lambda host, port: [(2, ("127.0.0.1", port))],
    )
    (reachable,) = findings(looked, options="")
    assert reachable.level is Level.PROBLEM
    assert "class `client`" in reachable.means
    assert "policy" in (reachable.next or "")


def test_a_cost_is_said_only_where_a_price_is_known(serve: Callable[[Answer], Scripted]) -> None:
    server = serve(lambda path, body: chat(body))
    looked = look_at(
        server.url, "m-1", dialect="openai-chat", http="1.1", key=None, seed="00", clock=SystemClock()
    )
    known = findings(looked, options="", costing=Costing("c", 80, Spending(0.1, 0.25), "a price"))[-1]
    assert known.seen == "a window of c (80 requests): 0.1000 USD expected, 0.2500 at most, by a price"
    unknown = findings(looked, options="", costing=Costing("c", 80, NoCost("none"), "nobody"))[-1]
    assert (unknown.level, unknown.seen) == (Level.NOTE, "not known: none")
