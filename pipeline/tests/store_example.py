"""Stores to keep archives in, each over loopback: S3 as moto speaks it, a plain web server, hostile ones."""

from __future__ import annotations

import contextlib
import functools
import http.server
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

BUCKET = "board"


@contextlib.contextmanager
def s3_server() -> Iterator[str]:
    """A server that speaks S3; its address."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()


def lead_to_s3(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Set what leads a client of S3 to a server, and nowhere else."""
    environment = {
        "AWS_ACCESS_KEY_ID": "example",
        "AWS_SECRET_ACCESS_KEY": "example-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": address,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/nowhere",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def empty_bucket() -> None:
    """A bucket on the server that the environment leads to, with nothing in it."""
    bucket = boto3.resource("s3").Bucket(BUCKET)
    bucket.create()
    bucket.objects.all().delete()


@contextlib.contextmanager
def strangers_refused(address: str) -> Iterator[None]:
    """The S3 server wants to know whose key it is, and nobody has one."""
    _reset_auth(address, b"0")
    try:
        yield
    finally:
        _reset_auth(address, b"inf")


def _reset_auth(address: str, actions: bytes) -> None:
    headers = {"Content-Type": "text/plain"}
    asked = urllib.request.Request(f"{address}/moto-api/reset-auth", data=actions, headers=headers)
    with urllib.request.urlopen(asked):
        pass


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """A web server that gives the files of a folder and takes none; its address."""
    with _serving(functools.partial(_Quiet, directory=str(folder))) as address:
        yield address


Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


@contextlib.contextmanager
def hostile_server(answer: Answer) -> Iterator[str]:
    """A server that answers every GET as it likes; its address."""

    class Hostile(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with contextlib.suppress(ConnectionError):  # the client has heard enough
                answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with _serving(Hostile) as address:
        yield address


@contextlib.contextmanager
def _serving(handler: Callable[..., http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def nobody_listens() -> str:
    """The address of a port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"
