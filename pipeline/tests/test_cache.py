"""What is kept is read back, or is not there; it is never wrong, never in the way, and never code."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from pathlib import Path

import pytest

from fairlead import cache as module
from fairlead.cache import Cache, Waiting

KEYS = [hashlib.sha256(bytes([number])).digest() for number in range(200)]
ENTRIES = {key: key * 3 for key in KEYS}


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    made = Cache(tmp_path / "cache" / "windows")
    made.keep(ENTRIES, used=set(KEYS))
    return made


def test_what_was_kept_is_found(cache: Cache) -> None:
    assert dict(cache.find(KEYS)) == ENTRIES
    assert dict(cache.find([hashlib.sha256(b"other").digest()])) == {}


def test_a_folder_that_is_deleted_holds_nothing_and_is_made_again(cache: Cache) -> None:
    for path in cache.folder.iterdir():
        path.unlink()
    cache.folder.rmdir()
    assert dict(cache.find(KEYS)) == {}
    cache.keep(ENTRIES, used=set(KEYS))
    assert dict(cache.find(KEYS)) == ENTRIES


@pytest.mark.parametrize("place", [0, 20, 60, -1])
def test_a_file_with_one_other_byte_holds_nothing(cache: Cache, place: int) -> None:
    for path in cache.folder.iterdir():
        data = bytearray(path.read_bytes())
        data[place] ^= 1
        path.write_bytes(data)
    assert dict(cache.find(KEYS)) == {}


@pytest.mark.parametrize("data", [b"", b"fairlead cache 1\n", os.urandom(500)])
def test_a_file_of_something_else_holds_nothing(cache: Cache, data: bytes) -> None:
    for path in cache.folder.iterdir():
        path.write_bytes(data)
    assert dict(cache.find(KEYS)) == {}


def test_nothing_of_another_version_is_trusted(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checksum fits; the code that made it is not this one."""
    monkeypatch.setattr(module, "code_digest", lambda: b"another")
    assert dict(cache.find(KEYS)) == {}


def test_the_digest_of_the_code_is_of_every_file_that_could_change_a_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "package"
    (package / "schemas").mkdir(parents=True)
    monkeypatch.setattr(module, "__file__", str(package / "cache.py"))
    found = []
    for name, text in (("cache.py", "1"), ("cache.py", "2"), ("schemas/a.json", "{}"), ("b.py", "")):
        (package / name).write_text(text)
        module.code_digest.cache_clear()
        found.append(module.code_digest())
    monkeypatch.setattr("importlib.metadata.version", lambda name: "99")
    module.code_digest.cache_clear()
    found.append(module.code_digest())
    monkeypatch.undo()
    module.code_digest.cache_clear()
    assert len(set(found)) == 5


def test_a_link_is_not_followed(cache: Cache, tmp_path: Path) -> None:
    for path in list(cache.folder.iterdir()):
        path.rename(tmp_path / path.name)
        path.symlink_to(tmp_path / path.name)
    assert dict(cache.find(KEYS)) == {}


def test_a_folder_that_cannot_be_made_keeps_nothing_and_breaks_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = Cache(tmp_path / "file" / "cache")
    cache.keep(ENTRIES, used=set(KEYS))
    assert dict(cache.find(KEYS)) == {}


def test_what_is_no_longer_used_is_let_go_where_a_file_is_rewritten(cache: Cache) -> None:
    other = hashlib.sha256(b"new").digest()
    cache.keep({other: b"new"}, used={other})
    shard = {key for key in KEYS if key[0] % 64 == other[0] % 64}
    assert shard
    assert dict(cache.find([*KEYS, other])) == {key: ENTRIES[key] for key in KEYS if key not in shard} | {
        other: b"new"
    }


def test_only_its_owner_can_enter_the_folder(cache: Cache) -> None:
    assert cache.folder.stat().st_mode & 0o077 == 0


def _keep_often(folder: Path, value: bytes) -> None:
    for _ in range(20):
        Cache(folder).keep(dict.fromkeys(KEYS[:20], value), used=set(KEYS))


def test_two_processes_at_once_leave_whole_files(cache: Cache) -> None:
    """Whoever reads between sees one value or the other, never a mixture and never nothing."""
    context = multiprocessing.get_context("spawn")
    values = [bytes([number]) * 100_000 for number in (1, 2)]
    cache.keep(dict.fromkeys(KEYS[:20], values[0]), used=set(KEYS))
    writers = [context.Process(target=_keep_often, args=(cache.folder, value)) for value in values]
    for writer in writers:
        writer.start()
    seen = 0
    while any(writer.is_alive() for writer in writers):
        found = dict(cache.find(KEYS[:20]))
        assert len(found) == 20
        assert set(found.values()) <= set(values)
        seen += 1
    for writer in writers:
        writer.join()
    assert seen
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert {path.name for path in cache.folder.iterdir()} == {f"{key[0] % 64:02x}" for key in KEYS}


def test_a_large_entry_has_a_file_of_its_own_and_goes_once_nobody_uses_it(tmp_path: Path) -> None:
    """Reading one reads no other; a broken file takes no other with it; what is being written stays."""
    cache = Cache(tmp_path / "cache", is_large=True)
    cache.keep({key: ENTRIES[key] for key in KEYS[:3]}, used=set(KEYS))
    assert {path.name for path in cache.folder.iterdir()} == {key.hex() for key in KEYS[:3]}
    (cache.folder / KEYS[0].hex()).write_bytes(b"fairlead cache 1\n")
    assert dict(cache.find(KEYS)) == {key: ENTRIES[key] for key in KEYS[1:3]}
    (cache.folder / "tmp-of-another").write_bytes(b"")
    cache.keep({KEYS[5]: b"new"}, used={KEYS[1]})
    names = {KEYS[1].hex(), KEYS[5].hex(), "tmp-of-another"}
    assert {path.name for path in cache.folder.iterdir()} == names
    assert dict(cache.find(KEYS)) == {KEYS[1]: ENTRIES[KEYS[1]], KEYS[5]: b"new"}


def test_what_waits_to_be_kept_is_of_one_file_and_each_file_is_written_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are: so memory does not grow with them."""
    written: list[dict[bytes, bytes]] = []
    keep = Cache.keep

    def counted(self: Cache, new: dict[bytes, bytes], *, used: set[bytes]) -> None:
        if new:
            written.append(new)
        keep(self, new, used=used)

    monkeypatch.setattr(Cache, "keep", counted)
    cache = Cache(tmp_path / "cache")
    waiting = Waiting(cache, set(KEYS))
    for key in sorted(KEYS, key=cache.order_of):
        waiting.add(key, ENTRIES[key])
    waiting.write()
    assert dict(cache.find(KEYS)) == ENTRIES
    files = [{cache.file_of(key) for key in new} for new in written]
    assert [len(names) for names in files] == [1] * len({cache.file_of(key) for key in KEYS})
    assert len(set.union(*files)) == len(files)


def test_what_waits_for_one_large_file_is_bounded_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SHARDS", 1)
    monkeypatch.setattr(module, "_WAITING_MOST", 64)
    cache = Cache(tmp_path / "cache")
    waiting = Waiting(cache, set(KEYS))
    for number, key in enumerate(KEYS):
        waiting.add(key, ENTRIES[key])
        assert len(dict(cache.find(KEYS))) == number // 64 * 64
    waiting.write()
    assert dict(cache.find(KEYS)) == ENTRIES
