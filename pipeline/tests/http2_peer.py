"""A server that speaks HTTP/2 over a real socket as a test's script tells it to, well or badly."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import h2.config
import h2.connection
import h2.events

TLS = Path(__file__).parent / "tls"

Headers = list[tuple[bytes, bytes]]
STREAM: Headers = [(b"content-type", b"text/event-stream")]


class GoneError(Exception):
    """The client has hung up."""


class Talk:
    """One connection. ``heard``: the requests, each its headers and its body."""

    def __init__(self, connection: socket.socket) -> None:
        self.heard: list[tuple[Headers, bytes]] = []
        self._connection = connection
        self._h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding=None)
        )
        self._h2.initiate_connection()
        self._flush()

    def take_request(self) -> int:
        """Hear a whole request; its stream."""
        headers: Headers = []
        body = b""
        while True:
            for event in self._events():
                if isinstance(event, h2.events.RequestReceived):
                    headers = event.headers
                elif isinstance(event, h2.events.DataReceived):
                    self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    body += event.data
                elif isinstance(event, h2.events.StreamEnded):
                    self._flush()
                    self.heard.append((headers, body))
                    return event.stream_id
            self._flush()

    def take_head(self) -> int:
        """Hear a request's headers and leave its body; its stream."""
        while True:
            for event in self._events():
                if isinstance(event, h2.events.RequestReceived):
                    return event.stream_id
            self._flush()

    def head(self, stream: int, status: int = 200, headers: Headers = STREAM, *, end: bool = False) -> None:
        self._h2.send_headers(stream, [(b":status", b"%d" % status), *headers], end_stream=end)
        self._flush()

    def data(self, stream: int, data: bytes, *, end: bool = False) -> None:
        """Send it in frames of its own, as the client's window allows."""
        while data or end:
            size = min(len(data), 16_000, self._h2.local_flow_control_window(stream))
            is_last = size == len(data)
            if size or not data:
                self._h2.send_data(stream, data[:size], end_stream=end and is_last)
                self._flush()
            else:
                self._events()
            data = data[size:]
            if is_last:
                return

    def answer(self, stream: int, *pieces: bytes, status: int = 200, headers: Headers = STREAM) -> None:
        """A whole response."""
        self.head(stream, status, headers)
        for piece in pieces:
            self.data(stream, piece)
        self.data(stream, b"", end=True)

    def reset(self, stream: int, code: int) -> None:
        self._h2.reset_stream(stream, code)
        self._flush()

    def frame(self, kind: int, stream: int, payload: bytes, flags: int = 0) -> None:
        """Any frame, whether the protocol allows it or not."""
        lead = len(payload).to_bytes(3) + bytes((kind, flags)) + struct.pack("!I", stream)
        self.raw(lead + payload)

    def goodbye(self, last_stream: int, code: int = 0) -> None:
        """GOAWAY."""
        self.frame(7, 0, struct.pack("!II", last_stream, code))

    def raw(self, data: bytes) -> None:
        self._connection.sendall(data)

    def until_gone(self) -> None:
        while self._connection.recv(65536):
            pass

    def break_off(self) -> None:
        """Reset the connection below TLS."""
        with socket.socket(fileno=self._connection.detach()) as bare:
            bare.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _events(self) -> list[h2.events.Event]:
        data = self._connection.recv(65536)
        if not data:
            raise GoneError
        return self._h2.receive_data(data)

    def _flush(self) -> None:
        self._connection.sendall(self._h2.data_to_send())


Script = Callable[[Talk], None]


class Peer:
    """Listens at one address and plays one script a connection.

    ``talks``: the connections on which TLS came up, and with HTTP/2. ``errors``: what a script raised.
    """

    def __init__(self, scripts: tuple[Script, ...], address: str, tls: ssl.SSLContext) -> None:
        self.talks: list[Talk] = []
        self.finished = [threading.Event() for _ in scripts]
        self.errors: list[Exception] = []
        self._scripts = scripts
        self._tls = tls
        self._listener = socket.create_server((address, 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/v1/chat/completions"

    def close(self) -> None:
        """Wait for the script under way, then hear no more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        for script, finished in zip(self._scripts, self.finished, strict=True):
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with (
                contextlib.suppress(OSError, GoneError),
                connection,
                self._tls.wrap_socket(connection, server_side=True) as wrapped,
            ):
                talk = Talk(wrapped)
                self.talks.append(talk)
                try:
                    script(talk)
                except (OSError, GoneError):
                    raise
                except Exception as error:  # noqa: BLE001  shown by the test, not by a thread
                    self.errors.append(error)
            finished.set()


def certificate(name: str = "localhost", alpn: str | None = "h2") -> ssl.SSLContext:
    """The server's side of TLS, with one of the tests' certificates."""
    folder = TLS if name == "localhost" else TLS / "provider"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    if alpn is not None:
        context.set_alpn_protocols([alpn])
    return context


def trust(authority: str = "authority.pem") -> ssl.SSLContext:
    """The client's side, which asks for HTTP/2."""
    context = ssl.create_default_context(cafile=str(TLS / authority))
    context.set_alpn_protocols(["h2"])
    return context


@contextlib.contextmanager
def peer(*scripts: Script, at: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Iterator[Peer]:
    server = Peer(scripts, at, tls or certificate())
    try:
        yield server
    finally:
        server.close()
    assert server.errors == []


def answering(*pieces: bytes, status: int = 200, headers: Headers = STREAM) -> Script:
    """Answer every request of the connection alike."""

    def script(talk: Talk) -> None:
        while True:
            talk.answer(talk.take_request(), *pieces, status=status, headers=headers)

    return script
