"""The reference endpoint over real sockets, read by an independent client, and as a process."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import select
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import h2.connection
import h2.events
import h2.settings
import httpx
import msgspec
import pytest

from fairlead.measure.reference import LOOPBACK_PEM, ReferenceStartError, start_reference
from fairlead.measure.truth import LoggedRequest, ReferenceProfile, read_log, script, words

QUICK = ReferenceProfile(ttft_median_ms=4, icl_median_ms=1)


def body(max_tokens: int = 5, **more: object) -> bytes:
    asked = {"model": "reference", "messages": [], "max_tokens": max_tokens, "stream": True}
    return json.dumps(asked | {"stream_options": {"include_usage": True}} | more).encode()


def post(url: str, content: bytes) -> httpx.Response:
    return httpx.post(f"{url}/chat/completions", content=content, trust_env=False, timeout=30)


def values(response: httpx.Response) -> Iterator[object]:
    """The events of a stream, read naively."""
    for block in response.text.split("\n\n"):
        if block:
            assert block.startswith("data: ")
            text = block.removeprefix("data: ")
            yield text if text == "[DONE]" else json.loads(text)


def played(
    profile: ReferenceProfile, *bodies: bytes, log: Path
) -> tuple[list[httpx.Response], list[LoggedRequest]]:
    """The bodies sent one after another, and the log once the reference has stopped."""
    with start_reference(profile, log=log) as reference:
        responses = [post(reference.url, content) for content in bodies]
    return responses, read_log(log)


def test_a_stream_has_a_role_chunk_then_content_then_finish_usage_and_done(tmp_path):
    (response,), (entry,) = played(QUICK, body(3), log=tmp_path / "log")
    role, *content, finish, usage, done = values(response)
    assert response.headers["content-type"] == "text/event-stream"
    assert response.headers["x-request-id"] == entry.id == role["id"]
    assert role["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert [c["choices"][0]["delta"]["content"] for c in content] == ["w0 ", "w1 ", "w2 "]
    assert (finish["choices"][0]["delta"], finish["choices"][0]["finish_reason"]) == ({}, "length")
    assert (usage["choices"], usage["usage"]["completion_tokens"]) == ([], 3)
    assert done == "[DONE]"


def test_a_completion_is_text_alone_with_the_finish_on_its_last_chunk(tmp_path):
    with start_reference(QUICK, log=tmp_path / "log") as reference:
        whole, streamed = (
            httpx.post(f"{reference.url}/completions", content=body(3, stream=flag), trust_env=False)
            for flag in (False, True)
        )
    *content, usage, done = values(streamed)
    assert [chunk["object"] for chunk in content] == ["text_completion"] * 3
    choices = [chunk["choices"][0] for chunk in content]
    assert [choice["text"] for choice in choices] == ["w0 ", "w1 ", "w2 "]
    assert [choice["finish_reason"] for choice in choices] == [None, None, "length"]
    assert (usage["usage"]["completion_tokens"], done) == (3, "[DONE]")
    assert whole.json()["choices"] == [{"index": 0, "text": "w0 w1 w2 ", "finish_reason": "length"}]
    assert [entry.role_ns for entry in read_log(tmp_path / "log")] == [None, None]


@pytest.mark.parametrize(("share", "last"), [("truncated_share", None), ("stream_error_share", {"error"})])
def test_a_completion_that_fails_in_its_stream_bears_no_finish(share, last, tmp_path):
    profile = msgspec.structs.replace(QUICK, **{share: 1.0})
    lines: list[str] = []
    ending = contextlib.suppress(httpx.RemoteProtocolError)
    with (
        start_reference(profile) as reference,
        httpx.Client(trust_env=False) as client,
        client.stream("POST", f"{reference.url}/completions", content=body(4)) as response,
        ending,
    ):
        lines.extend(response.iter_lines())
    events = [json.loads(line.removeprefix("data: ")) for line in lines if line]
    reasons = [event["choices"][0]["finish_reason"] for event in events if "choices" in event]
    assert reasons
    assert set(reasons) == {None}
    assert last is None or set(events[-1]) == last


def test_the_log_holds_the_truth_that_anyone_can_recompute_and_what_was_really_written(tmp_path):
    profile = msgspec.structs.replace(QUICK, ttft_log_sd=0.3, icl_log_sd=0.5, seed="07")
    _, entries = played(profile, body(6), body(6), body(7), log=tmp_path / "log")
    assert [entry.occurrence for entry in entries] == [0, 1, 0]
    for entry, content in zip(entries, (body(6), body(6), body(7)), strict=True):
        assert entry.body_sha256 == hashlib.sha256(content).hexdigest()
        truth = script(profile, entry.body_sha256, entry.occurrence, json.loads(content)["max_tokens"])
        assert [due - entry.received_ns for due in entry.due_ns] == list(truth.due_ns)
        assert len(entry.written_ns) == len(entry.due_ns)
        assert all(written >= due for written, due in zip(entry.written_ns, entry.due_ns, strict=True))
        assert entry.role_ns is not None
        assert entry.received_ns <= entry.role_ns <= entry.written_ns[0]
        assert entry.end_ns is not None
        assert entry.end_ns >= entry.written_ns[-1]
        assert not entry.held_up


def test_tokens_per_chunk_and_reasoning_tokens_shape_the_stream(tmp_path):
    profile = msgspec.structs.replace(QUICK, tokens_per_chunk=2, reasoning_tokens=3, role_chunk=False)
    (response,), (entry,) = played(profile, body(6), log=tmp_path / "log")
    deltas = [v["choices"][0]["delta"] for v in values(response) if isinstance(v, dict) and v["choices"]]
    assert deltas[:4] == [
        {"reasoning_content": "w0 w1 "}, {"reasoning_content": "w2 "}, {"content": "w3 w4 "},
        {"content": "w5 "},
    ]  # fmt: skip
    assert (entry.tokens, entry.role_ns) == ([2, 1, 2, 1], None)


def test_usage_comes_only_where_the_profile_gives_it_and_the_request_asks(tmp_path):
    silent = msgspec.structs.replace(QUICK, usage=False)
    (one,), _ = played(silent, body(1), log=tmp_path / "one")
    (two,), _ = played(QUICK, body(1, stream_options=None), log=tmp_path / "two")
    for response in (one, two):
        assert all(v == "[DONE]" or v["choices"] for v in values(response))


@pytest.mark.parametrize(
    ("share", "status", "ends"),
    [
        ("rate_limited_share", 429, None),
        ("server_error_share", 500, None),
        ("stream_error_share", 200, "error"),
    ],
)
def test_each_fate_is_played_as_named(share, status, ends, tmp_path):
    profile = msgspec.structs.replace(QUICK, **{share: 1.0})
    (response,), (entry,) = played(profile, body(4), log=tmp_path / "log")
    assert response.status_code == status
    assert entry.fate == share.removesuffix("_share")
    if ends is None:
        assert response.json()["error"]["code"]
    else:
        *content, error = values(response)
        assert len(content) == 1 + 2
        assert set(error) == {"error"}


def test_a_truncated_stream_ends_without_finish_or_framing(tmp_path):
    cut_off = msgspec.structs.replace(QUICK, truncated_share=1.0)
    with start_reference(cut_off) as reference, pytest.raises(httpx.RemoteProtocolError):
        post(reference.url, body(4))


def test_an_unstreamed_answer_comes_whole_at_the_time_of_its_last_token(tmp_path):
    (response,), (entry,) = played(QUICK, body(4, stream=False), log=tmp_path / "log")
    answer = response.json()
    assert answer["choices"][0]["message"]["content"] == "w0 w1 w2 w3 "
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 4
    assert entry.end_ns is not None
    assert entry.end_ns >= entry.due_ns[-1]


def test_models_are_listed_and_what_is_not_there_is_not_found():
    with start_reference(QUICK) as reference:
        models = httpx.get(f"{reference.url}/models", trust_env=False).json()
        missing = httpx.get(f"{reference.url}/nothing", trust_env=False)
    assert [model["id"] for model in models["data"]] == ["reference"]
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff", b'{"max_tokens":0}', b'{"max_tokens":"5"}', b'{"stream":1}', b"[" * 100_000],
    ids=lambda content: repr(content[:20]),
)
def test_a_body_that_is_no_chat_request_is_refused_in_words(content):
    with start_reference(QUICK) as reference:
        response = post(reference.url, content)
        assert post(reference.url, body(1)).status_code == 200
    assert response.status_code == 400
    assert response.json()["error"]["message"]


def test_bytes_that_are_no_http_are_refused_and_hurt_nobody_else():
    with start_reference(QUICK) as reference:
        address = httpx.URL(reference.url)
        with socket.create_connection((address.host, address.port or 0), timeout=30) as raw:
            raw.sendall(b"SSH-2.0-x\r\n\r\n")
            assert raw.recv(65536).startswith(b"HTTP/1.1 400 ")
        assert post(reference.url, body(1)).status_code == 200


def test_a_client_that_hangs_up_in_mid_stream_is_logged_with_what_was_written(tmp_path):
    slow = msgspec.structs.replace(QUICK, icl_median_ms=3_000_000)
    with contextlib.ExitStack() as stack:
        reference = stack.enter_context(start_reference(slow, log=tmp_path / "log"))
        address = httpx.URL(reference.url)
        raw = stack.enter_context(socket.create_connection((address.host, address.port or 0), timeout=30))
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body(3))}\r\n\r\n"
        raw.sendall(head.encode() + body(3))
        seen = b""
        while b"w0" not in seen:
            seen += raw.recv(65536)
    (entry,) = read_log(tmp_path / "log")
    assert (len(entry.written_ns), len(entry.due_ns)) == (1, 3)


# --- the truth beside the stream ---


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's receive stamp is Linux's")
def test_the_log_says_when_a_request_had_reached_the_machine_which_is_before_it_was_read(tmp_path):
    before_ns = time.monotonic_ns()
    _, entries = played(QUICK, body(1), body(2), log=tmp_path / "log")
    for entry in entries:
        assert entry.arrived_ns is not None
        assert before_ns < entry.arrived_ns < entry.received_ns < entry.written_ns[0]


def test_over_tls_it_is_the_same_endpoint(tmp_path):
    trusting = ssl.create_default_context(cafile=str(LOOPBACK_PEM))
    log = tmp_path / "log"
    with (
        start_reference(QUICK, log=log, tls=True) as reference,
        httpx.Client(verify=trusting, trust_env=False, timeout=30) as client,
    ):
        responses = [
            client.post(f"{reference.url}/chat/completions", content=body(count)) for count in (3, 500)
        ]
        address = httpx.URL(reference.url)
        with socket.create_connection((address.host, address.port or 0), timeout=30) as raw:
            raw.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")  # no TLS: hung up on, and nobody else is hurt
            while raw.recv(65536):
                pass
        assert client.get(f"{reference.url}/models").status_code == 200
    assert reference.url.startswith("https://")
    for response, entry, count in zip(responses, read_log(log), (3, 500), strict=True):
        events = [v["choices"][0] for v in values(response) if v != "[DONE]" and v["choices"]]
        content = [event["delta"].get("content") for event in events]
        assert "".join(filter(None, content)) == words(0, count)
        assert len(entry.written_ns) == count


# --- HTTP/2 ---


@contextlib.contextmanager
def http2_client(log: Path, profile: ReferenceProfile = QUICK) -> Iterator[tuple[httpx.Client, str]]:
    trusting = ssl.create_default_context(cafile=str(LOOPBACK_PEM))
    with (
        start_reference(profile, log=log, tls=True) as reference,
        httpx.Client(verify=trusting, trust_env=False, timeout=30, http1=False, http2=True) as client,
    ):
        yield client, f"{reference.url}/chat/completions"


def test_over_http2_it_is_the_same_endpoint(tmp_path):
    with http2_client(tmp_path / "log") as (client, url):
        responses = [client.post(url, content=body(count)) for count in (3, 500)]
        models = client.get(url.replace("chat/completions", "models"))
        nowhere = client.get(url)
        refused = client.post(url, content=b"no request")
        whole = client.post(url, content=body(4, stream=False))
    assert {r.http_version for r in (*responses, models, nowhere, refused, whole)} == {"HTTP/2"}
    assert [r.status_code for r in (models, nowhere, refused, whole)] == [200, 404, 400, 200]
    assert whole.json()["choices"][0]["message"]["content"] == words(0, 4)
    for response, entry, count in zip(responses, read_log(tmp_path / "log"), (3, 500), strict=False):
        events = [v["choices"][0] for v in values(response) if v != "[DONE]" and v["choices"]]
        content = [event["delta"].get("content") for event in events]
        assert "".join(filter(None, content)) == words(0, count)
        assert len(entry.written_ns) == count
        assert response.headers["x-request-id"] == entry.id


def frames_of(url: str) -> tuple[ssl.SSLSocket, h2.connection.H2Connection]:
    """A bare connection to the reference, with HTTP/2 agreed on and nothing said."""
    context = ssl.create_default_context(cafile=str(LOOPBACK_PEM))
    context.set_alpn_protocols(["h2"])
    address = httpx.URL(url)
    raw = socket.create_connection((address.host, address.port or 0), timeout=30)
    return context.wrap_socket(raw, server_hostname=address.host), h2.connection.H2Connection()


def heard(connection: ssl.SSLSocket, state: h2.connection.H2Connection) -> list[h2.events.Event]:
    """What the next read brings."""
    data = connection.recv(65536)
    assert data, "the reference hung up"
    return state.receive_data(data)


def ask(state: h2.connection.H2Connection, stream: int, content: bytes) -> bytes:
    """A request on a stream, as bytes to send."""
    head = [(":method", "POST"), (":path", "/v1/chat/completions"), (":scheme", "https"), (":authority", "x")]
    state.send_headers(stream, head)
    state.send_data(stream, content, end_stream=True)
    return state.data_to_send()


@pytest.mark.skipif(sys.platform != "linux", reason="kernel stamps are Linux's")
@pytest.mark.parametrize("more", [False, True])
def test_a_request_read_together_with_later_words_has_no_arrival_of_its_own(more, tmp_path):
    """The kernel's stamp of a read is that of the newest of its bytes."""
    with start_reference(QUICK, log=tmp_path / "log", tls=True) as reference:
        connection, state = frames_of(reference.url)
        with connection:
            state.initiate_connection()
            said = ask(state, 1, body(3))
            if more:
                state.ping(b"pingpong")
            connection.sendall(said + state.data_to_send())
            while not any(isinstance(event, h2.events.StreamEnded) for event in heard(connection, state)):
                pass
    (entry,) = read_log(tmp_path / "log")
    assert (entry.arrived_ns is None) == more
    assert len(entry.written_ns) == 3


def test_a_client_that_gives_no_window_holds_the_answer_up_and_the_log_says_so(tmp_path):
    profile = ReferenceProfile(ttft_median_ms=1, icl_median_ms=0)
    taken, ended = b"", False
    with start_reference(profile, log=tmp_path / "log", tls=True) as reference:
        connection, state = frames_of(reference.url)
        with connection:
            state.initiate_connection()
            state.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 1000})
            connection.sendall(ask(state, 1, body(200)))
            while not ended:
                for event in heard(connection, state):
                    if isinstance(event, h2.events.DataReceived):
                        taken += event.data
                        state.acknowledge_received_data(event.flow_controlled_length, 1)
                    ended |= isinstance(event, h2.events.StreamEnded)
                connection.sendall(state.data_to_send())
    (entry,) = read_log(tmp_path / "log")
    assert entry.held_up
    assert taken.endswith(b"data: [DONE]\n\n")
    events = [json.loads(part[6:]) for part in taken.split(b"\n\n") if part.startswith(b"data: {")]
    content = [event["choices"][0]["delta"].get("content") for event in events if event["choices"]]
    assert "".join(filter(None, content)) == words(0, 200)


def test_a_stream_that_the_client_gives_up_is_logged_with_what_was_written_and_the_next_is_served(tmp_path):
    ended = False
    with start_reference(QUICK, log=tmp_path / "log", tls=True) as reference:
        connection, state = frames_of(reference.url)
        with connection:
            state.initiate_connection()
            connection.sendall(ask(state, 1, body(100_000)))
            while not any(isinstance(event, h2.events.DataReceived) for event in heard(connection, state)):
                connection.sendall(state.data_to_send())
            state.reset_stream(1, 8)
            connection.sendall(ask(state, 3, body(3)))
            while not ended:
                ended = any(isinstance(event, h2.events.StreamEnded) for event in heard(connection, state))
    first, second = sorted(read_log(tmp_path / "log"), key=lambda entry: entry.received_ns)
    assert len(first.written_ns) < 100_000
    assert len(second.written_ns) == 3


def test_bytes_that_are_no_http2_are_hung_up_on_and_hurt_nobody_else():
    with start_reference(QUICK, tls=True) as reference:
        connection, _ = frames_of(reference.url)
        with connection:
            connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n" * 10)
            while connection.recv(65536):
                pass
        trusting = ssl.create_default_context(cafile=str(LOOPBACK_PEM))
        models = httpx.get(f"{reference.url}/models", verify=trusting, trust_env=False)
        assert models.status_code == 200


# --- the process ---


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="nobody chooses cores here")
def test_it_keeps_to_the_cores_it_is_told_and_says_which():
    core = max(os.sched_getaffinity(0))
    with start_reference(QUICK, cores={core}) as reference:
        assert reference.cores == (core,)
        assert os.sched_getaffinity(reference.pid) == {core}
    with start_reference(QUICK, cores={100_000}) as reference:
        assert set(reference.cores) == os.sched_getaffinity(reference.pid)


def test_it_listens_on_the_loopback_only():
    with start_reference(QUICK) as reference:
        assert httpx.URL(reference.url).host == "127.0.0.1"
        assert reference.url.endswith("/v1")


def test_it_has_stopped_when_the_context_is_left():
    with start_reference(QUICK) as reference:
        os.kill(reference.pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(reference.pid, 0)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waiting for a stranger's child is Linux's")
def test_it_stops_when_the_process_that_started_it_is_killed():
    code = (
        "import time\n"
        "from fairlead.measure.reference import start_reference\n"
        "from fairlead.measure.truth import ReferenceProfile\n"
        "with start_reference(ReferenceProfile()) as reference:\n"
        "    print(reference.pid, flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        watched = os.pidfd_open(int(owner.stdout.readline()))
        owner.send_signal(signal.SIGKILL)
    try:
        assert select.select([watched], [], [], 30)[0]
    finally:
        os.close(watched)


def test_a_start_that_fails_says_why(tmp_path):
    starting = start_reference(QUICK, log=tmp_path / "missing" / "log")
    with pytest.raises(ReferenceStartError, match="No such file or directory"), starting:
        pytest.fail("it started")
