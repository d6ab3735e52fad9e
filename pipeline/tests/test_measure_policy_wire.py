"""A key against real sockets: each way in which it could reach somebody else, or be written down, tried.

127.0.0.2 plays the public network here, the one address of this machine that the policy is told to take for
public; 127.0.0.1 stays what it is. Names are looked up by a resolver of the test's own.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import gzip
import json
import logging
import socket
import ssl
import sys
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import uvloop

from fairlead.measure import connection as connection_module
from fairlead.measure import policy as policy_module
from fairlead.measure.connection import Resolve, tls_context
from fairlead.measure.dialects import DIALECTS, auth
from fairlead.measure.plan import Limits, Plan
from fairlead.measure.policy import KEYLESS, Policy, Secret, conceal_record, secret_for_url
from fairlead.measure.runner import measure_window
from fairlead.measure.spool import Finished, SpoolError, SpoolWriter, seal
from fairlead.measure.timeline import Ended, Exchange, Shot, read_request
from fairlead.measure.transport import Transport, prepare
from fairlead.windows import Http, Outcome
from fairlead.windows import Request as Record

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 answers on Linux only")

TLS = Path(__file__).parent / "tls" / "provider"
HOST = "api.acme.example"
KEY = "sk-test-Zq4/Lm8+Vw2_Xr6=Nb0Tk5Jd"
PUBLIC, PRIVATE = "127.0.0.2", "127.0.0.1"
LIMITS = Limits(connect_ns=20_000_000_000, first_ns=20_000_000_000, total_ns=20_000_000_000)

EVENT = b'data: {"choices":[{"delta":{"content":"hello"},"finish_reason":"stop"}]}\n\n'
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n"
GOOD = STREAM % len(EVENT) + EVENT
LAST = GOOD.replace(b"OK\r\n", b"OK\r\nconnection: close\r\n")


class Names:
    """The socket module on a machine for which every name is at the public address."""

    def __getattr__(self, name: str) -> object:
        return getattr(socket, name)

    def getaddrinfo(self, _host: bytes, port: int, *_: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (PUBLIC, port))]


class NoSockets:
    """The socket module, but whoever makes a socket has gone too far."""

    def __getattr__(self, name: str) -> object:
        return getattr(socket, name)

    def socket(self, *_: object) -> None:
        raise AssertionError("a socket was made")


@pytest.fixture(autouse=True)
def _one_public_address(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = policy_module.why_not_public
    monkeypatch.setattr(
        policy_module, "why_not_public", lambda address: None if address == PUBLIC else honest(address)
    )


class Server:
    """Listens at one address, answers each request with the next answer, and keeps all that it hears.

    ``heard``: one entry a connection, as the application sees it: what TLS refused is not in it.
    """

    def __init__(
        self, address: str, port: int, answers: tuple[bytes, ...], tls: ssl.SSLContext | None
    ) -> None:
        self.heard: list[bytes] = []
        self._answers = list(answers)
        self._tls = tls
        self._listener = socket.create_server((address, port))
        self.port: int = self._listener.getsockname()[1]
        self._last: object = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        """Hear every connection that was made to its end, then no more: ours is the last in the queue."""
        with socket.socket(self._listener.family) as last, self._listener:
            last.bind((self._listener.getsockname()[0], 0))
            self._last = last.getsockname()
            last.connect(self._listener.getsockname())
            self._thread.join()

    def _run(self) -> None:
        while True:
            connection, peer = self._listener.accept()
            if peer == self._last:
                connection.close()
                return
            self.heard.append(b"")
            with contextlib.suppress(OSError), connection:
                if self._tls is None:
                    self._talk(connection)
                else:
                    with self._tls.wrap_socket(connection, server_side=True) as wrapped:
                        self._talk(wrapped)

    def _talk(self, connection: socket.socket) -> None:
        waiting = b""
        while data := connection.recv(65536):
            self.heard[-1] += data
            waiting += data
            head, found, body = waiting.partition(b"\r\n\r\n")
            if found and len(body) >= int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]):
                waiting = b""
                if self._answers:
                    connection.sendall(self._answers.pop(0))


def certificate(name: str = HOST) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / f"{name}.pem", TLS / f"{name}.key")
    return context


def trust() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(TLS / "authority.pem"))


@contextlib.contextmanager
def serving(*answers: bytes, at: str = PUBLIC, port: int = 0, name: str | None = HOST) -> Iterator[Server]:
    server = Server(at, port, answers, certificate(name) if name else None)
    try:
        yield server
    finally:
        server.close()


@contextlib.contextmanager
def untouched(at: str = PUBLIC, port: int = 0) -> Iterator[int]:
    """A port to which, at the end, nobody has so much as connected."""
    with socket.create_server((at, port)) as listener:
        yield listener.getsockname()[1]
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


class Resolver:
    """Gives the scripted answers, the last of them for ever, and keeps what it was asked."""

    def __init__(self, *answers: list[str]) -> None:
        self.asked: list[str] = []
        self._answers = list(answers)

    def __call__(self, host: str, port: int) -> list[tuple[int, tuple[Any, ...]]]:
        self.asked.append(host)
        addresses = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [
            (socket.AF_INET6, (a, port, 0, 0)) if ":" in a else (socket.AF_INET, (a, port)) for a in addresses
        ]


def secret(*hosts: str) -> Secret:
    return Secret(provider="acme", hosts=hosts, key=KEY)


def send(
    urls: list[str],
    policy: Policy,
    resolve: Resolve,
    tls: ssl.SSLContext | None = None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop,
    **headers: str,
) -> list[tuple[Exchange, httpx.Response | httpx.TransportError]]:
    """Requests one after another through one transport."""

    async def all_of_them() -> list[tuple[Exchange, httpx.Response | httpx.TransportError]]:
        client = Transport(LIMITS, tls=tls or trust(), policy=policy, resolve=resolve)
        done: list[tuple[Exchange, httpx.Response | httpx.TransportError]] = []
        for url in urls:
            request = prepare(url, b"{}", headers)
            try:
                result: httpx.Response | httpx.TransportError = await client.handle_async_request(request)
            except httpx.TransportError as error:
                result = error
            assert KEY not in str(request.headers.raw) + str(request.url)
            done.append((request.extensions["exchange"], result))
        await client.aclose()
        return done

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(all_of_them())


def record(kept: Exchange) -> Record:
    shot = Shot(i=0, slot=0, scheduled_ns=None, body_sha256=None)
    return read_request(shot, kept, DIALECTS["openai-chat"], origin_ns=0)


def assert_refused(kept: Exchange, result: object, reason: str) -> None:
    """A refusal by the policy: ours, said so, nothing sent, nothing secret in it."""
    assert isinstance(result, httpx.LocalProtocolError)
    assert (kept.ended, kept.sent_ns, kept.reads) == (Ended.POLICY, None, [])
    told = record(kept)
    assert (told.outcome, told.error and told.error.code) == (Outcome.CLIENT, "policy")
    assert told.error is not None
    assert reason in told.error.message
    assert KEY[:12] not in str(result) + told.error.message


# --- what is allowed ---


def test_the_key_reaches_the_listed_host_once_in_its_header():
    with serving(GOOD) as server:
        url = f"https://{HOST}:{server.port}/v1"
        [(kept, _)] = send([url], Policy(secret(f"{HOST}:{server.port}")), Resolver([PUBLIC]))
    assert record(kept).outcome is Outcome.OK
    assert kept.address == PUBLIC
    assert server.heard[0].count(KEY.encode()) == 1
    assert b"\r\nauthorization: Bearer " + KEY.encode() + b"\r\n\r\n{}" in server.heard[0]


def test_upper_case_in_the_url_leads_to_the_listed_host_and_no_other():
    with serving(GOOD) as server:
        url = f"HTTPS://{HOST.upper()}:{server.port}/v1"
        resolver = Resolver([PUBLIC])
        [(kept, _)] = send([url], Policy(secret(f"{HOST}:{server.port}")), resolver)
    assert record(kept).outcome is Outcome.OK
    assert resolver.asked == [HOST]
    assert f"Host: {HOST}:{server.port}\r\n".encode() in server.heard[0]


def test_a_key_typed_beside_a_url_goes_to_its_host():
    with serving(GOOD) as server:
        url = f"https://{HOST}:{server.port}/v1"
        [(kept, _)] = send([url], Policy(secret_for_url(KEY, url)), Resolver([PUBLIC]))
    assert record(kept).outcome is Outcome.OK
    assert KEY.encode() in server.heard[0]


def test_without_a_key_http_and_loopback_are_allowed():
    with serving(GOOD, at=PRIVATE, name=None) as server:
        [(kept, _)] = send([f"http://{PRIVATE}:{server.port}/v1"], KEYLESS, Resolver([]))
    assert record(kept).outcome is Outcome.OK
    assert b"authorization" not in server.heard[0].lower()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_key_stands_in_the_header_that_each_api_wants_and_nowhere_else(dialect):
    with serving(GOOD) as server:
        held = Policy(secret(f"{HOST}:{server.port}"), auth=functools.partial(auth, DIALECTS[dialect]))
        send([f"https://{HOST}:{server.port}/v1"], held, Resolver([PUBLIC]))
    name, value = auth(DIALECTS[dialect], KEY)
    assert f"\r\n{name}: {value}\r\n".encode() in server.heard[0]
    assert server.heard[0].count(KEY.encode()) == 1


# --- where the URL leads ---


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://{host}:{port}/v1", "over https only"),
        ("https://evil.example:{port}/v1", "bound to"),
        ("https://{host}.evil.example:{port}/v1", "bound to"),
        ("https://x.{host}:{port}/v1", "bound to"),
        ("https://{host}.:{port}/v1", "bound to"),
        ("https://{host}/v1", "bound to"),
        ("https://{host}:1{port}/v1".replace(":1{port}", ":1"), "bound to"),
        ("https://{host}:443@evil.example:{port}/v1", "user name"),
        ("https://evil.example@{host}:{port}/v1", "user name"),
        ("https://evil.example:{port}#@{host}:{port}/v1", "bound to"),
        ("https://evil.example:{port}/@{host}:{port}/v1", "bound to"),
        ("https://\u0430pi.acme.example:{port}/v1", "bound to"),  # a Cyrillic letter
        ("https://api.acme.ex\u00e4mple:{port}/v1", "bound to"),
        ("https://127.0.0.2:{port}/v1", "bound to"),
        ("https://[::ffff:127.0.0.2]:{port}/v1", "bound to"),
        ("https://2130706434:{port}/v1", "bound to"),
        ("https://{host}:{port}/v1?api_key=abc", "looks like a credential"),
    ],
)
def test_a_url_that_leads_elsewhere_is_refused_before_its_name_is_looked_up(url, reason):
    resolver = Resolver([PUBLIC])
    with untouched() as port:
        policy = Policy(secret(f"{HOST}:{port}"))
        [(kept, result)] = send([url.format(host=HOST, port=port)], policy, resolver)
    assert_refused(kept, result, reason)
    assert resolver.asked == []


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "Cookie", "Host"])
def test_a_request_built_with_a_credential_or_another_host_is_refused(header):
    with untouched() as port:
        url = f"https://{HOST}:{port}/v1"
        policy = Policy(secret(f"{HOST}:{port}"))
        [(kept, result)] = send([url], policy, Resolver([PUBLIC]), **{header: "evil.example"})
    assert_refused(kept, result, "Host header" if header == "Host" else "only the policy adds a key")


def test_a_second_host_in_the_providers_file_never_gets_the_key():
    """In one change: beside the true host. In two: after the true host was taken out again."""
    held = secret(HOST)
    resolver = Resolver([PUBLIC])
    with untouched() as port:
        evil = f"https://evil.example:{port}/v1"
        narrowed = held.narrowed_to([f"https://{HOST}/v1", evil])
        [(first, refused)] = send([evil], Policy(narrowed), resolver)
        with pytest.raises(policy_module.SecretError):
            held.narrowed_to([evil])
        [(second, refused_again)] = send([evil], Policy(held), resolver)
    assert_refused(first, refused, f"bound to {HOST}")
    assert_refused(second, refused_again, f"bound to {HOST}")


# --- where the name leads ---


@pytest.mark.parametrize(
    "address",
    [PRIVATE, "::1", "::ffff:127.0.0.2", "169.254.169.254", "10.0.0.1", "64:ff9b::7f00:1", "0.0.0.0"],
)
def test_a_listed_name_at_an_address_that_is_not_public_is_refused_without_a_socket(address, monkeypatch):
    monkeypatch.setattr(connection_module, "socket", NoSockets())
    [(kept, result)] = send([f"https://{HOST}/v1"], Policy(secret(HOST)), Resolver([address]))
    assert_refused(kept, result, "must not see a key")
    assert (kept.tcp_ns, kept.address) == (None, None)


@pytest.mark.parametrize("answer", [[PUBLIC, PRIVATE], [PRIVATE, PUBLIC]])
def test_one_address_that_is_not_public_among_several_refuses_them_all(answer):
    with untouched(at="0.0.0.0") as port:
        policy = Policy(secret(f"{HOST}:{port}"))
        [(kept, result)] = send([f"https://{HOST}:{port}/v1"], policy, Resolver(answer))
    assert_refused(kept, result, "loopback")


def test_a_name_that_is_public_when_checked_is_not_looked_up_again_to_connect():
    resolver = Resolver([PUBLIC], [PRIVATE])
    with serving(GOOD, GOOD) as server, untouched(PRIVATE, server.port):
        url = f"https://{HOST}:{server.port}/v1"
        policy = Policy(secret(f"{HOST}:{server.port}"))
        first, second = send([url, url], policy, resolver)
    assert (first[0].address, second[0].address) == (PUBLIC, PUBLIC)
    assert (second[0].reused, resolver.asked) == (True, [HOST])


def test_a_name_rebound_to_loopback_between_two_connections_is_refused():
    resolver = Resolver([PUBLIC], [PRIVATE])
    with serving(LAST) as server, untouched(PRIVATE, server.port):
        url = f"https://{HOST}:{server.port}/v1"
        policy = Policy(secret(f"{HOST}:{server.port}"))
        first, second = send([url, url], policy, resolver)
    assert record(first[0]).outcome is Outcome.OK
    assert_refused(*second, "127.0.0.1 is loopback")
    assert resolver.asked == [HOST, HOST]
    assert len(server.heard) == 1


def test_a_connection_that_arrives_elsewhere_than_was_checked_hears_nothing():
    """The address is asked of the connected socket too, before the first byte of TLS."""

    class Diverting(asyncio.SelectorEventLoop):
        async def sock_connect(self, sock: socket.socket, address: Any) -> None:
            await super().sock_connect(sock, (PRIVATE, address[1]))

    with serving(GOOD, at=PRIVATE, name=None) as server:
        url = f"https://{HOST}:{server.port}/v1"
        policy = Policy(secret(f"{HOST}:{server.port}"))
        [(kept, result)] = send([url], policy, Resolver([PUBLIC]), loop_factory=Diverting)
    assert_refused(kept, result, "127.0.0.1 is loopback")
    assert server.heard == [b""]


def test_even_without_a_key_the_metadata_address_is_not_connected_to(monkeypatch):
    monkeypatch.setattr(connection_module, "socket", NoSockets())
    [(kept, result)] = send(["http://169.254.169.254/latest"], KEYLESS, Resolver([]))
    assert_refused(kept, result, "metadata")
    [(kept, result)] = send(["http://innocent.example/"], KEYLESS, Resolver(["169.254.169.254"]))
    assert_refused(kept, result, "metadata")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_to_another_host(status):
    resolver = Resolver([PUBLIC])
    with untouched() as elsewhere:
        moved = b"HTTP/1.1 %d Moved\r\nlocation: https://evil.example:%d/v1\r\ncontent-length: 0\r\n\r\n"
        with serving(moved % (status, elsewhere)) as server:
            policy = Policy(secret(f"{HOST}:{server.port}", f"evil.example:{elsewhere}"))
            [(kept, _)] = send([f"https://{HOST}:{server.port}/v1"], policy, resolver)
    assert (record(kept).outcome, record(kept).status) == (Outcome.REFUSED, status)
    assert resolver.asked == [HOST]


def test_a_proxy_in_the_environment_is_not_used(monkeypatch):
    with untouched(PRIVATE) as proxy, serving(GOOD) as server:
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, f"http://{PRIVATE}:{proxy}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        policy = Policy(secret(f"{HOST}:{server.port}"))
        [(kept, _)] = send([f"https://{HOST}:{server.port}/v1"], policy, Resolver([PUBLIC]))
    assert record(kept).outcome is Outcome.OK


# --- TLS ---


def test_a_certificate_of_another_host_ends_it_before_the_key_is_sent():
    with serving(GOOD, name="evil.example") as server:
        policy = Policy(secret(f"{HOST}:{server.port}"))
        [(kept, _)] = send([f"https://{HOST}:{server.port}/v1"], policy, Resolver([PUBLIC]))
    assert (kept.ended, kept.sent_ns, record(kept).outcome) == (Ended.TLS, None, Outcome.TLS)
    assert server.heard == [b""]


def test_a_certificate_of_an_unknown_authority_ends_it_before_the_key_is_sent():
    with serving(GOOD) as server:
        policy = Policy(secret(f"{HOST}:{server.port}"))
        [(kept, _)] = send([f"https://{HOST}:{server.port}/v1"], policy, Resolver([PUBLIC]), tls_context())
    assert (kept.ended, record(kept).outcome, server.heard) == (Ended.TLS, Outcome.TLS, [b""])


@pytest.mark.parametrize("weakness", ["no certificate", "no name", "session keys to a file"])
def test_a_context_that_verifies_less_is_refused_with_a_key(weakness, tmp_path):
    context = trust()
    if weakness == "session keys to a file":
        context.keylog_filename = str(tmp_path / "keys")
    else:
        context.check_hostname = False
    if weakness == "no certificate":
        context.verify_mode = ssl.CERT_NONE
    with untouched() as port:
        policy = Policy(secret(f"{HOST}:{port}"))
        [(kept, result)] = send([f"https://{HOST}:{port}/v1"], policy, Resolver([PUBLIC]), context)
    assert_refused(kept, result, "needs TLS that verifies")


def test_session_keys_are_not_logged_because_the_environment_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    tls_context.cache_clear()
    try:
        assert tls_context().keylog_filename is None
        assert (tls_context().verify_mode, tls_context().check_hostname) == (ssl.CERT_REQUIRED, True)
    finally:
        tls_context.cache_clear()


# --- what comes back ---

ENCODED = base64.b64encode(KEY.encode()).decode()
ECHOES = {
    "as it stands": f'{{"error":{{"code":"bad_key","message":"no such key {KEY}"}}}}',
    "with its scheme": f'{{"error":{{"message":"Bearer {KEY} is not known"}}}}',
    "as the code": f'{{"error":{{"code":"{KEY}","message":"no"}}}}',
    "in base64": f'{{"error":{{"message":"no such key {ENCODED}"}}}}',
    "in base64 behind a name": base64.b64encode(b"user:" + KEY.encode()).decode(),
    "for a URL": f"no such key {urllib.parse.quote(KEY, safe='')}",
    "in JSON's escapes": f'{{"error":{{"message":"no such key {KEY.replace("/", chr(92) + "/")}"}}}}',
    "in hex": KEY.encode().hex(),
    "in capitals": f"NO SUCH KEY {KEY.upper()}",
}


def assert_nowhere(kept: Exchange, result: object, caplog: pytest.LogCaptureFixture, folder: Path) -> None:
    """In no byte that is kept, spooled, logged, raised or recorded."""
    writer = SpoolWriter(folder / "window.spool")
    writer.put(Finished(Shot(i=0, slot=0, scheduled_ns=None, body_sha256=None), kept))
    writer.close()
    said = f"{result!r} {result}"
    if isinstance(result, httpx.Response):
        said += repr(result.headers.raw) + asyncio.run(result.aread()).decode("latin-1")
    places = {
        "spool": (folder / "window.spool").read_bytes(),
        "reads": b"".join(data for _, _, data in kept.reads),
        "record": msgspec.json.encode(record(kept)),
        "log": caplog.text.encode(),
        "words": said.encode(),
    }
    held = secret(HOST)
    assert [place for place, data in places.items() if held.appears_in(data)] == []


@pytest.mark.parametrize("framing", ["length", "chunks", "header", "close"])
@pytest.mark.parametrize("echo", ECHOES)
def test_an_echo_of_the_key_is_nowhere_kept_and_the_failure_stays_readable(echo, framing, caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    body = ECHOES[echo].encode()
    head = b"HTTP/1.1 401 No\r\ncontent-type: application/json\r\n"
    wire = {
        "length": head + b"content-length: %d\r\n\r\n%s" % (len(body), body),
        "chunks": head
        + b"transfer-encoding: chunked\r\n\r\n"
        + b"".join(
            b"%x\r\n%s\r\n" % (len(body[at : at + 3]), body[at : at + 3]) for at in range(0, len(body), 3)
        )
        + b"0\r\n\r\n",
        "header": head + b"content-length: 2\r\nx-request-id: %s\r\n\r\nno" % body,
        "close": b"no HTTP at all: " + body + b"\r\n\r\n",
    }[framing]
    with serving(wire) as server:
        policy = Policy(secret(f"{HOST}:{server.port}"))
        [(kept, result)] = send([f"https://{HOST}:{server.port}/v1"], policy, Resolver([PUBLIC]))
        assert KEY.encode() in server.heard[0]
    assert b"".join(data for _, _, data in kept.reads).count(b"*") > 20
    assert_nowhere(kept, result, caplog, tmp_path)
    told = record(kept)
    if framing == "close":
        assert told.outcome is Outcome.MALFORMED
    else:
        assert (told.outcome, told.status) == (Outcome.REFUSED, 401)


def spelled() -> bytes:
    """The key letter by letter over many events: no byte of the wire shows it, only what they add up to."""
    events = b"".join(
        b"data: %s\n\n" % json.dumps({"choices": [{"delta": {"content": letter}}]}).encode() for letter in KEY
    )
    return STREAM % len(events + EVENT) + events + EVENT


def test_a_stream_that_spells_the_key_out_is_hidden_in_the_record():
    with serving(spelled()) as server:
        policy = Policy(secret(f"{HOST}:{server.port}"))
        [(kept, _)] = send([f"https://{HOST}:{server.port}/v1"], policy, Resolver([PUBLIC]))
    told = record(kept)
    assert told.text == KEY + "hello"
    hidden = conceal_record(told, secret(HOST))
    assert (hidden.outcome, hidden.text) == (Outcome.OK, "*" * len(KEY) + "hello")
    assert hidden.chunk_chars == told.chunk_chars


def test_a_good_answer_comes_through_byte_by_byte():
    with serving(GOOD) as server:
        policy = Policy(secret(f"{HOST}:{server.port}"))
        [(kept, result)] = send([f"https://{HOST}:{server.port}/v1"], policy, Resolver([PUBLIC]))
    assert b"".join(data for _, _, data in kept.reads) == GOOD
    assert isinstance(result, httpx.Response)
    assert result.headers["content-type"] == "text/event-stream"


# --- a whole window ---


def plan(url: str, requests: int, http: Http = "1.1") -> Plan:
    return Plan(
        url=url, model="some-model", provider="acme", concurrency=1, requests=requests, seed="07", ramp_ns=0,
        http=http, limits=LIMITS,
    )  # fmt: skip


def test_a_window_measured_with_a_key_holds_nothing_of_it(monkeypatch, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(connection_module, "socket", Names())
    body = ECHOES["as it stands"].encode()
    echo = b"HTTP/1.1 401 No\r\ncontent-length: %d\r\nx-request-id: %s\r\n\r\n%s"
    spool = tmp_path / "window.spool"
    with serving(GOOD, echo % (len(body), KEY.encode(), body), spelled()) as server:
        held = secret(f"{HOST}:{server.port}")
        sealed = measure_window(
            plan(f"https://{HOST}:{server.port}/v1", 3), spool=spool, tls=trust(), key=held
        )
    assert b"".join(server.heard).count(KEY.encode()) == 3
    assert [request.outcome for request in sealed.window.requests] == [
        Outcome.OK,
        Outcome.REFUSED,
        Outcome.OK,
    ]
    assert sealed.window.requests[2].text == "*" * len(KEY) + "hello"
    for place in (spool.read_bytes(), gzip.decompress(sealed.data), caplog.text.encode()):
        assert not held.appears_in(place)
    assert [path.name for path in tmp_path.iterdir()] == ["window.spool"]
    assert seal(spool, held).data == sealed.data
    with pytest.raises(SpoolError, match="key of acme"):
        seal(spool)


def test_a_window_to_a_host_that_the_key_is_not_bound_to_is_all_refusals(monkeypatch, tmp_path):
    monkeypatch.setattr(connection_module, "socket", Names())
    with untouched() as port:
        sealed = measure_window(
            plan(f"https://evil.example:{port}/v1", 3),
            spool=tmp_path / "window.spool",
            tls=trust(),
            key=secret(HOST),
        )
    assert [(request.outcome, request.sent_ns) for request in sealed.window.requests] == [
        (Outcome.CLIENT, None)
    ] * 3
    assert {request.error.code for request in sealed.window.requests if request.error} == {"policy"}


def test_a_key_of_another_provider_measures_nothing(tmp_path):
    rival = Secret(provider="rival", hosts=(HOST,), key=KEY)
    with pytest.raises(ValueError, match="key is that of rival"):
        measure_window(plan(f"https://{HOST}/v1", 1), spool=tmp_path / "window.spool", key=rival)
    assert list(tmp_path.iterdir()) == []
