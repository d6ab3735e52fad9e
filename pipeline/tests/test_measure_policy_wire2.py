"""A key over HTTP/2 against real sockets: the attacks of ``test_measure_policy_wire`` that the wire has part
in, tried on the other engine. What it is told to take for a public address is said there."""

from __future__ import annotations

import asyncio
import functools
import gzip
import logging
import ssl
import sys
from pathlib import Path

import httpx
import pytest
import uvloop

from fairlead.measure import connection as connection_module
from fairlead.measure.connection import Resolve, tls_context
from fairlead.measure.dialects import DIALECTS, auth
from fairlead.measure.policy import KEYLESS, Policy
from fairlead.measure.runner import measure_window
from fairlead.measure.spool import SpoolError, seal
from fairlead.measure.timeline import Ended, Exchange
from fairlead.measure.transport import Transport, prepare
from fairlead.measure.transport2 import HTTP2
from fairlead.windows import Outcome

from . import http2_peer
from .http2_peer import STREAM, Talk, answering, certificate, peer
from .test_measure_policy_wire import (
    ECHOES,
    EVENT,
    HOST,
    KEY,
    LIMITS,
    PRIVATE,
    PUBLIC,
    Names,
    NoSockets,
    Resolver,
    _one_public_address,
    assert_nowhere,
    assert_refused,
    plan,
    record,
    secret,
    untouched,
)

__all__ = ["_one_public_address"]  # a fixture that every test here takes by itself
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 answers on Linux only")

GOOD = answering(EVENT)
serving = functools.partial(peer, at=PUBLIC, tls=certificate(HOST))


def trust() -> ssl.SSLContext:
    return http2_peer.trust("provider/authority.pem")


def send(
    urls: list[str], policy: Policy, resolve: Resolve, tls: ssl.SSLContext | None = None, **headers: str
) -> list[tuple[Exchange, httpx.Response | httpx.TransportError]]:
    """Requests one after another through one transport."""

    async def all_of_them() -> list[tuple[Exchange, httpx.Response | httpx.TransportError]]:
        client = Transport(LIMITS, tls=tls or trust(), policy=policy, resolve=resolve, speaks=HTTP2)
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

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(all_of_them())


def heard(server: http2_peer.Peer) -> str:
    """All that the applications behind the server heard."""
    return str([talk.heard for talk in server.talks])


# --- where the key goes ---


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_key_reaches_the_listed_host_once_in_the_header_that_the_api_wants(dialect):
    with serving(GOOD) as server:
        held = Policy(secret(f"{HOST}:{server.port}"), auth=functools.partial(auth, DIALECTS[dialect]))
        [(kept, _)] = send([f"https://{HOST}:{server.port}/v1"], held, Resolver([PUBLIC]))
        [(headers, _)] = server.talks[0].heard
    name, value = auth(DIALECTS[dialect], KEY)
    assert (kept.address, record(kept).outcome) == (PUBLIC, Outcome.OK)
    assert headers[-1] == (name.lower().encode(), value.encode())
    assert heard(server).count(KEY) == 1


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://{host}:{port}/v1", "over https only"),
        ("https://evil.example:{port}/v1", "bound to"),
        ("https://{host}/v1", "bound to"),
        ("https://evil.example@{host}:{port}/v1", "user name"),
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
        policy = Policy(secret(f"{HOST}:{port}"))
        url = f"https://{HOST}:{port}/v1"
        [(kept, result)] = send([url], policy, Resolver([PUBLIC]), **{header: "evil.example"})
    assert_refused(kept, result, "Host header" if header == "Host" else "only the policy adds a key")


# --- where the name leads ---


@pytest.mark.parametrize("address", [PRIVATE, "::1", "::ffff:127.0.0.2", "169.254.169.254", "10.0.0.1"])
def test_a_listed_name_at_an_address_that_is_not_public_is_refused_without_a_socket(address, monkeypatch):
    monkeypatch.setattr(connection_module, "socket", NoSockets())
    [(kept, result)] = send([f"https://{HOST}/v1"], Policy(secret(HOST)), Resolver([address]))
    assert_refused(kept, result, "must not see a key")


@pytest.mark.parametrize("answer", [[PUBLIC, PRIVATE], [PRIVATE, PUBLIC]])
def test_one_address_that_is_not_public_among_several_refuses_them_all(answer):
    with untouched(at="0.0.0.0") as port:
        policy = Policy(secret(f"{HOST}:{port}"))
        [(kept, result)] = send([f"https://{HOST}:{port}/v1"], policy, Resolver(answer))
    assert_refused(kept, result, "loopback")


def test_a_name_that_is_public_when_checked_is_not_looked_up_again_to_connect():
    resolver = Resolver([PUBLIC], [PRIVATE])
    with serving(GOOD) as server, untouched(PRIVATE, server.port):
        url = f"https://{HOST}:{server.port}/v1"
        first, second = send([url, url], Policy(secret(f"{HOST}:{server.port}")), resolver)
    assert (first[0].address, second[0].address) == (PUBLIC, PUBLIC)
    assert (second[0].reused, resolver.asked) == (True, [HOST])


def test_a_name_rebound_to_loopback_between_two_connections_is_refused():
    def script(talk: Talk) -> None:
        stream = talk.take_request()
        talk.goodbye(stream)
        talk.answer(stream, EVENT)
        talk.until_gone()

    resolver = Resolver([PUBLIC], [PRIVATE])
    with serving(script) as server, untouched(PRIVATE, server.port):
        url = f"https://{HOST}:{server.port}/v1"
        first, second = send([url, url], Policy(secret(f"{HOST}:{server.port}")), resolver)
    assert record(first[0]).outcome is Outcome.OK
    assert_refused(*second, "127.0.0.1 is loopback")


def test_a_metadata_address_is_refused_even_without_a_key(monkeypatch):
    monkeypatch.setattr(connection_module, "socket", NoSockets())
    [(kept, result)] = send(["https://innocent.example/"], KEYLESS, Resolver(["169.254.169.254"]))
    assert_refused(kept, result, "metadata")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_to_another_host(status):
    resolver = Resolver([PUBLIC])
    with untouched() as elsewhere:
        location = (b"location", b"https://evil.example:%d/v1" % elsewhere)
        with serving(answering(status=status, headers=[location])) as server:
            policy = Policy(secret(f"{HOST}:{server.port}", f"evil.example:{elsewhere}"))
            [(kept, _)] = send([f"https://{HOST}:{server.port}/v1"], policy, resolver)
    assert (record(kept).outcome, record(kept).status) == (Outcome.REFUSED, status)
    assert resolver.asked == [HOST]


def test_an_alternative_service_that_is_offered_is_not_used():
    with untouched() as elsewhere:

        def script(talk: Talk) -> None:
            offer = b'h2="evil.example:%d"' % elsewhere
            for _ in range(2):
                stream = talk.take_request()
                talk.frame(10, stream, b"\x00\x00" + offer)
                talk.answer(stream, EVENT, headers=[*STREAM, (b"alt-svc", offer)])

        with serving(script) as server:
            url = f"https://{HOST}:{server.port}/v1"
            done = send([url, url], Policy(secret(f"{HOST}:{server.port}")), Resolver([PUBLIC]))
    assert [record(kept).outcome for kept, _ in done] == [Outcome.OK] * 2


def test_a_proxy_in_the_environment_is_not_used(monkeypatch):
    with untouched(PRIVATE) as proxy, serving(GOOD) as server:
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://{PRIVATE}:{proxy}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        policy = Policy(secret(f"{HOST}:{server.port}"))
        [(kept, _)] = send([f"https://{HOST}:{server.port}/v1"], policy, Resolver([PUBLIC]))
    assert record(kept).outcome is Outcome.OK


# --- TLS ---


@pytest.mark.parametrize("fault", ["another host", "an unknown authority", "no HTTP/2"])
def test_a_server_that_is_not_the_one_meant_never_hears_the_key(fault):
    tls = certificate(
        "evil.example" if fault == "another host" else HOST, None if fault == "no HTTP/2" else "h2"
    )
    ours = tls_context("h2") if fault == "an unknown authority" else trust()
    with serving(GOOD, tls=tls) as server:
        policy = Policy(secret(f"{HOST}:{server.port}"))
        [(kept, _)] = send([f"https://{HOST}:{server.port}/v1"], policy, Resolver([PUBLIC]), ours)
    assert (kept.ended, kept.sent_ns, record(kept).outcome) == (Ended.TLS, None, Outcome.TLS)
    assert [talk.heard for talk in server.talks] in ([], [[]])


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
        assert tls_context("h2").keylog_filename is None
    finally:
        tls_context.cache_clear()


# --- what comes back ---


@pytest.mark.parametrize("place", ["body", "cut up", "header", "reason to go"])
@pytest.mark.parametrize("echo", ECHOES)
def test_an_echo_of_the_key_is_nowhere_kept_and_the_failure_stays_readable(echo, place, caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    body = ECHOES[echo].encode()
    pieces = [body[at : at + 3] for at in range(0, len(body), 3)] if place == "cut up" else [body]
    headers = [(b"content-type", b"application/json")]
    if place == "header":
        headers, pieces = [*headers, (b"x-request-id", body)], [b"no"]

    def script(talk: Talk) -> None:
        stream = talk.take_request()
        if place == "reason to go":
            talk.frame(7, 0, stream.to_bytes(4) + (2).to_bytes(4) + body)
        else:
            talk.answer(stream, *pieces, status=401, headers=headers)
        talk.until_gone()

    with serving(script) as server:
        policy = Policy(secret(f"{HOST}:{server.port}"))
        [(kept, result)] = send([f"https://{HOST}:{server.port}/v1"], policy, Resolver([PUBLIC]))
        assert heard(server).count(KEY) == 1
    assert_nowhere(kept, result, caplog, tmp_path)
    if place == "reason to go":
        assert kept.ended is Ended.STREAM_RESET
    else:
        assert (record(kept).outcome, record(kept).status) == (Outcome.REFUSED, 401)


def test_a_window_measured_with_a_key_says_http2_and_holds_nothing_of_it(monkeypatch, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(connection_module, "socket", Names())
    body = ECHOES["as it stands"].encode()

    def script(talk: Talk) -> None:
        talk.answer(talk.take_request(), EVENT)
        talk.answer(talk.take_request(), body, status=401, headers=[(b"x-request-id", KEY.encode())])
        talk.until_gone()

    spool = Path(tmp_path / "window.spool")
    with serving(script) as server:
        held = secret(f"{HOST}:{server.port}")
        asked = plan(f"https://{HOST}:{server.port}/v1", 2, http="2")
        sealed = measure_window(asked, spool=spool, tls=trust(), key=held)
    assert heard(server).count(KEY) == 2
    assert (sealed.window.header.http, sealed.window.header.address) == ("2", PUBLIC)
    assert [request.outcome for request in sealed.window.requests] == [Outcome.OK, Outcome.REFUSED]
    for place in (spool.read_bytes(), gzip.decompress(sealed.data), caplog.text.encode()):
        assert not held.appears_in(place)
    assert seal(spool, held).data == sealed.data
    with pytest.raises(SpoolError, match="key of acme"):
        seal(spool)
