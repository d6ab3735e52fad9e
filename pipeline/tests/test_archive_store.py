"""What a store answers is believed only where its digest says so, and is never read beyond what is listed."""

from __future__ import annotations

import gzip
import hashlib
import http.server
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.archive import object_path
from fairlead.archive.store import Altered, Missing, Store
from fairlead.history import EnvironmentProblem

from . import store_example as example

DATA = bytes(range(256)) * 20
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with example.s3_server() as address:
        yield address


@pytest.fixture
def s3(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    example.lead_to_s3(monkeypatch, server)
    example.empty_bucket()
    return server


def put(folder: Path, data: bytes) -> None:
    path = folder / object_path(SHA256)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


# -- what is written comes back ------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_what_was_written_comes_back(kind: str, tmp_path: Path, s3: str) -> None:
    """An object is read as it was written, a missing one is missing, and writing again does no harm."""
    store = Store(tmp_path.as_uri() if kind == "folder" else f"s3://{example.BUCKET}/below/it")
    assert store.read(SHA256, len(DATA)) == Missing()
    assert store.size(SHA256) == Missing()
    store.write(SHA256, DATA)
    store.write(SHA256, DATA)
    assert store.read(SHA256, len(DATA)) == DATA
    assert store.size(SHA256) == len(DATA)


@pytest.mark.parametrize("kind", ["folder", "s3", "web"])
def test_anything_else_under_a_digest_is_seen(kind: str, tmp_path: Path, s3: str) -> None:
    """Half-written, longer, altered or empty: it is never given as the object."""
    with example.web_server(tmp_path) as web:
        store = Store({"folder": tmp_path.as_uri(), "s3": f"s3://{example.BUCKET}", "web": web}[kind])
        for wrong in (DATA[:-1], DATA + b"x", DATA[:-1] + b"x", b"", DATA * 5000):
            put(tmp_path, wrong)
            if kind == "s3":
                store.write(SHA256, wrong)
            assert isinstance(store.read(SHA256, len(DATA)), Altered)


def test_a_web_server_is_read(tmp_path: Path) -> None:
    """What is in a folder that a web server shows can be had over http, and nothing can be put there."""
    put(tmp_path, DATA)
    with example.web_server(tmp_path) as address:
        store = Store(address)
        assert store.read(SHA256, len(DATA)) == DATA
        assert store.size(SHA256) == len(DATA)
        assert store.read("0" * 64, 5) == Missing()
        with pytest.raises(EnvironmentProblem, match="can only be read"):
            store.write(SHA256, DATA)


# -- hostile answers -----------------------------------------------------------------------------


class Endless:
    """It says nothing of a length and never ends; how much of it went out."""

    sent = 0

    def __call__(self, request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while self.sent < 2**30:
            request.wfile.write(bytes(65536))
            self.sent += 65536


def test_an_endless_answer_is_read_to_the_size_that_is_listed() -> None:
    """A store that sends without end fills no memory: the connection is closed after one byte too many."""
    answer = Endless()
    with example.hostile_server(answer) as address:
        assert Store(address).read(SHA256, len(DATA)) == Altered(f"more than {len(DATA):,} bytes")
    assert answer.sent < 64 * 2**20  # what the sockets between hold


def test_an_endless_answer_in_s3s_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same holds for what speaks S3."""
    answer = Endless()

    def in_s3(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(2**30))
        request.end_headers()
        while answer.sent < 2**30:
            request.wfile.write(bytes(65536))
            answer.sent += 65536

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "example")
    with example.hostile_server(in_s3) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        found = Store(f"s3://{example.BUCKET}").read(SHA256, len(DATA))
    assert found == Altered(f"more than {len(DATA):,} bytes")
    assert answer.sent < 64 * 2**20


def test_a_packed_answer_is_not_unpacked() -> None:
    """An answer that is small on the wire and huge afterwards is taken as the bytes that it is."""
    bomb = gzip.compress(bytes(50_000_000))

    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Encoding", "gzip")
        request.send_header("Content-Length", str(len(bomb)))
        request.end_headers()
        request.wfile.write(bomb)

    sha256 = hashlib.sha256(bomb).hexdigest()
    with example.hostile_server(answer) as address:
        assert Store(address).read(sha256, len(bomb)) == bomb


def answer_with(status: int) -> example.Answer:
    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


@pytest.mark.parametrize(
    ("status", "said"), [(403, "is not permitted"), (401, "is not permitted"), (500, "failed")]
)
def test_a_store_that_refuses_is_no_fault_of_the_data(status: int, said: str) -> None:
    """Neither refusal nor failure says that an object is missing."""
    with (
        example.hostile_server(answer_with(status)) as address,
        pytest.raises(EnvironmentProblem, match=said),
    ):
        Store(address).read(SHA256, len(DATA))


def test_an_answer_that_breaks_off_is_no_fault_of_the_data() -> None:
    """A connection that ends before the length that was promised says nothing of the object."""

    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(DATA)))
        request.end_headers()
        request.wfile.write(DATA[:100])

    with example.hostile_server(answer) as address, pytest.raises(EnvironmentProblem, match="failed"):
        Store(address).read(SHA256, len(DATA))


# -- stores that are not there -------------------------------------------------------------------


def test_a_store_that_is_down_says_so(monkeypatch: pytest.MonkeyPatch, s3: str, tmp_path: Path) -> None:
    """Over http, over S3, without its bucket, as a folder that is not mounted: each is said as what it is."""
    with pytest.raises(EnvironmentProblem, match="failed"):
        Store(example.nobody_listens()).read(SHA256, 5)
    with pytest.raises(EnvironmentProblem, match=r"failed: .*bucket"):
        Store("s3://no-such-bucket").read(SHA256, 5)
    with pytest.raises(EnvironmentProblem, match=r"failed: .*bucket"):
        Store("s3://no-such-bucket").write(SHA256, b"12345")
    with pytest.raises(EnvironmentProblem, match="is not there"):
        Store((tmp_path / "unmounted").as_uri())
    with pytest.raises(EnvironmentProblem, match=r"nothing here speaks to|cannot be used"):
        Store("teapot://kitchen")
    monkeypatch.setenv("AWS_ENDPOINT_URL", example.nobody_listens())
    with pytest.raises(EnvironmentProblem, match="failed"):
        Store(f"s3://{example.BUCKET}").read(SHA256, 5)


def test_without_permission_neither_reads_nor_writes(s3: str) -> None:
    """A key that the store does not know is refused, and the words hold nothing of the secret."""
    store = Store(f"s3://{example.BUCKET}")
    with example.strangers_refused(s3):
        for attempt in (lambda: store.read(SHA256, 5), lambda: store.write(SHA256, b"12345")):
            with pytest.raises(EnvironmentProblem, match="is not permitted") as caught:
                attempt()
            assert "example-secret" not in caught.value.message


def test_a_full_or_closed_folder_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that takes nothing ends the command, and leaves no object that looks whole."""
    store = Store(tmp_path.as_uri())

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(EnvironmentProblem, match="No space left"):
        store.write(SHA256, DATA)
    assert store.read(SHA256, len(DATA)) == Missing()
    (tmp_path / "sha256").rename(tmp_path / "aside")
    (tmp_path / "sha256").write_text("a file where a folder must be")
    with pytest.raises(EnvironmentProblem, match="failed"):
        store.write(SHA256, DATA)


def test_without_the_extra_the_way_to_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without the library of stores is told how to have it."""
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    with pytest.raises(EnvironmentProblem) as caught:
        Store(tmp_path.as_uri())
    assert "fairlead[archive]" in caught.value.fix
