"""Digests of many files, made in another process: right, or nothing."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from fairlead import digests
from fairlead.digests import NOTHING, digesting

LIMIT = 1000


def digest_all(*paths: Path) -> list[bytes]:
    with digesting([str(path) for path in paths], LIMIT) as under_way:
        return under_way.digests()


def test_each_file_has_the_digest_of_its_bytes(tmp_path: Path) -> None:
    """In the order asked, whatever its name: with a space, a line break, bytes that are no UTF-8."""
    names = ["one", "with space", "with\nbreak", os.fsdecode(b"\xff\xfe")]
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(bytes([number]) * 50 * number)
    found = digest_all(*(tmp_path / name for name in names))
    assert found == [hashlib.sha256(bytes([number]) * 50 * number).digest() for number in range(4)]


def test_what_is_no_plain_file_in_bounds_has_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * LIMIT)
    (tmp_path / "large").write_bytes(b"x" * (LIMIT + 1))
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    found = digest_all(*(tmp_path / name for name in ("missing", "large", "link", "pipe", ".", "file")))
    assert found == [NOTHING] * 5 + [hashlib.sha256(b"x" * LIMIT).digest()]


def test_more_files_than_a_pipe_holds(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    assert digest_all(*[tmp_path / "file"] * 5000) == [hashlib.sha256(b"x").digest()] * 5000
    assert digest_all() == []


def test_a_process_that_fails_says_nothing_of_any_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"x")
    monkeypatch.setattr(digests.sys, "executable", "/bin/false")
    assert digest_all(*[tmp_path / "file"] * 5000) == [NOTHING] * 5000


def test_nobody_waits_for_what_nobody_asks_for(tmp_path: Path) -> None:
    """Left without a question, its process is gone."""
    with digesting([str(tmp_path)] * 100_000, LIMIT) as under_way:
        pass
    assert under_way._process.returncode is not None
