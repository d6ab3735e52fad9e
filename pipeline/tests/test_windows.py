"""The raw window: golden files freeze schema 1; every rule of reading is attacked."""

from __future__ import annotations

import gzip
import io
import json
import os
from pathlib import Path

import msgspec
import pytest

from fairlead import windows
from fairlead.windows import WindowError, decode_window, encode_window, inflate

GOLDEN = Path(__file__).parent / "golden" / "windows"
NAMES = ("measured", "imported")


def zipped(text: bytes) -> bytes:
    return gzip.compress(text, mtime=0)


def measured_lines() -> list[bytes]:
    return (GOLDEN / "measured.jsonl").read_bytes().splitlines()


def changed(line: int, **changes: object) -> bytes:
    """The measured golden window with some top-level keys of one line set to other values."""
    lines = measured_lines()
    lines[line - 1] = json.dumps(
        json.loads(lines[line - 1]) | changes, separators=(",", ":"), ensure_ascii=False
    ).encode()
    return zipped(b"\n".join(lines) + b"\n")


def replaced(line: int, old: bytes, new: bytes) -> bytes:
    lines = measured_lines()
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    return zipped(b"\n".join(lines) + b"\n")


def refusal(data: bytes) -> WindowError:
    with pytest.raises(WindowError) as caught:
        decode_window(data)
    return caught.value


# --- the frozen form ---


@pytest.mark.parametrize("name", NAMES)
def test_schema_1_reads_its_golden_file(name):
    window = decode_window((GOLDEN / f"{name}.jsonl.gz").read_bytes())
    assert window.header.schema_version == 1
    assert window.header.origin == name


@pytest.mark.parametrize("name", NAMES)
def test_schema_1_writes_its_golden_text_byte_for_byte(name):
    window = decode_window((GOLDEN / f"{name}.jsonl.gz").read_bytes())
    lines = [windows.encode_line(window.header), *map(windows.encode_line, window.requests)]
    if os.environ.get("FAIRLEAD_ACCEPT"):
        (GOLDEN / f"{name}.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    assert (GOLDEN / f"{name}.jsonl").read_bytes() == b"\n".join(lines) + b"\n"


@pytest.mark.parametrize("name", NAMES)
def test_a_window_encoded_twice_has_the_same_bytes_and_unpacks_to_the_golden_text(name):
    window = decode_window(zipped((GOLDEN / f"{name}.jsonl").read_bytes()))
    data = encode_window(window.header, window.requests)
    assert data == encode_window(window.header, window.requests)
    assert inflate(data) == (GOLDEN / f"{name}.jsonl").read_bytes()
    # No file name, no time of writing: bytes 3 to 7 are flags and mtime.
    assert data[3:8] == b"\0\0\0\0\0"


def test_the_golden_files_hold_every_key_and_both_a_value_and_a_null_where_one_may_be():
    header, *requests = map(json.loads, measured_lines())
    imported = [json.loads(line) for line in (GOLDEN / "imported.jsonl").read_bytes().splitlines()]
    assert [*header, "nodes"] == list(windows.Header.__struct_fields__)  # of several machines alone
    nullable = [name for name in header if None in (header[name], imported[0][name])]
    assert all(header[name] is not None for name in nullable)
    for request in requests:
        assert list(request) == list(windows.Request.__struct_fields__)
    seen = [*requests, *imported[1:]]
    for key in windows.Request.__struct_fields__:
        if key not in ("process", "probe", "chunk_tokens"):  # written from a later client on
            assert any(request[key] is not None for request in seen), key


# --- the file ---


def test_a_window_of_no_requests_is_a_window():
    window = decode_window(zipped(measured_lines()[0] + b"\n"))
    assert window.requests == []


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "gzip"),
        (b"{}", "gzip"),
        (zipped(b'{"kind":"window"}\n')[:-9], "gzip"),
        (zipped(b"{}\n") + zipped(b"{}\n"), "gzip"),
        (zipped(b"{}\n") + b"x", "gzip"),
        (zipped(b""), "header"),
        (zipped(b"{}"), "canonical"),
        (zipped(b"\n"), "json"),
        (zipped(b"[]\n"), "header"),
        (zipped(b"{}\n"), "header"),
        (zipped(b"null\n"), "header"),
    ],
    ids=[
        "empty", "no-gzip", "cut-short", "two-members", "bytes-after", "no-lines", "no-line-feed",
        "blank-line", "array", "no-keys", "null",
    ],
)  # fmt: skip
def test_what_is_no_window_file_is_refused_by_its_rule(data, rule):
    assert refusal(data).rule == rule


@pytest.mark.parametrize("name", NAMES)
def test_a_window_with_another_header_holds_the_very_same_requests(name):
    window = decode_window((GOLDEN / f"{name}.jsonl.gz").read_bytes())
    header = msgspec.structs.replace(window.header, vantage="elsewhere")
    data = windows.with_header(encode_window(window.header, window.requests), header)
    assert data == encode_window(header, window.requests)
    assert decode_window(windows.with_header(encode_window(window.header, []), header)).requests == []


def test_a_wrong_checksum_inside_the_gzip_is_refused():
    data = bytearray(zipped(b"\n".join(measured_lines()) + b"\n"))
    data[-6] ^= 1
    assert refusal(bytes(data)).rule == "gzip"


def test_a_bomb_of_200_mb_is_refused_without_being_unpacked():
    buffer = io.BytesIO()
    block = b" " * (1024 * 1024)
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=1) as file:
        for _ in range(200):
            file.write(block)
    error = refusal(buffer.getvalue())
    assert (error.rule, error.line) == ("size", 0)


def test_a_file_larger_than_the_bound_is_refused_before_it_is_read():
    assert refusal(bytes(windows.MAX_COMPRESSED_BYTES + 1)).rule == "size"


def test_text_of_exactly_the_limit_passes_and_one_byte_more_does_not():
    assert inflate(zipped(b"x" * 100), limit=100) == b"x" * 100
    with pytest.raises(WindowError) as caught:
        inflate(zipped(b"x" * 101), limit=100)
    assert caught.value.rule == "size"


def test_a_huge_line_is_refused_with_its_number():
    lines = measured_lines()
    lines[1] = b'{"i":"' + b"x" * windows.MAX_LINE_BYTES + b'"}'
    error = refusal(zipped(b"\n".join(lines) + b"\n"))
    assert (error.rule, error.line) == ("size", 2)


def test_more_requests_than_the_bound_are_refused_unparsed():
    data = zipped(measured_lines()[0] + b"\n" + b"{}\n" * (windows.MAX_REQUESTS + 1))
    assert refusal(data).rule == "size"


# --- the lines ---


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (b'"model":"', b'"model":"\xff', "encoding"),
        (b'"sent_ns":', b'"sent_ns":NaN,"x":', "json"),
        (b'"sent_ns":', b'"sent_ns":1e999,"x":', "request"),
        (b'"i":0', b'"i":0,"i":0', "canonical"),
        (b'"i":0', b'"i": 0', "canonical"),
        (b'"i":0', b'"i":"0"', "request"),
        (b'"i":0', b'"i":0.5', "request"),
        (b'"i":0', b'"i":true', "request"),
        (b'"i":0', b'"i":9223372036854775808', "request"),
        (b'"i":0', b'"i":99999999999999999999', "request"),
        (b'"i":0', b'"i":0,"rank":1', "request"),
        (b'"i":0,', b"", "request"),
        (b'"outcome":"ok"', b'"outcome":"fine"', "request"),
        (b'{"i":0', b"[" * 200_000 + b'{"i":0', "request"),
        (b'"chunk_ns":[', b'"chunk_ns":' + b"[" * 200_000, "request"),
        (b'{"i":0', b'{"i":0', None),
    ],
    ids=[
        "not-utf-8", "nan", "infinity", "duplicate-key", "space", "string", "fraction", "boolean", "65-bit",
        "too-large", "unknown-key", "missing-key", "unknown-outcome", "deep-array", "deep-value", "unchanged",
    ],
)  # fmt: skip
def test_a_line_that_breaks_a_rule_is_refused_with_rule_and_number(old, new, rule):
    line = 1 if b"model" in old else 2
    if rule is None:
        assert decode_window(replaced(line, old, new)).requests[0].i == 0
        return
    error = refusal(replaced(line, old, new))
    assert (error.rule, error.line) == (rule, line)
    assert str(error).startswith(f"line {line}: ")


def test_keys_in_another_order_are_refused():
    lines = measured_lines()
    request = json.loads(lines[1])
    lines[1] = json.dumps(dict(reversed(request.items())), separators=(",", ":"), ensure_ascii=False).encode()
    assert refusal(zipped(b"\n".join(lines) + b"\n")).rule == "canonical"


def test_an_escape_that_need_not_be_one_is_refused():
    assert refusal(replaced(2, b'"finish":"length"', b'"finish":"l\\u0065ngth"')).rule == "canonical"


def test_carriage_returns_are_refused():
    data = zipped(b"\r\n".join(measured_lines()) + b"\r\n")
    assert refusal(data).rule == "canonical"


@pytest.mark.parametrize(
    "changes",
    [{"kind": "round"}, {"origin": "guessed"}, {"http": "3"}, {"role": "winner"}, {"stamps": "sundial"}],
)
def test_a_header_outside_its_closed_sets_is_refused(changes):
    error = refusal(changed(1, **changes))
    assert (error.rule, error.line) == ("header", 1)


def test_a_null_is_refused_where_the_schema_gives_none():
    assert refusal(changed(2, chunk_ns=None)).rule == "request"
    assert refusal(changed(1, provider=None)).rule == "header"
