"""The law of the trail: however it was merged, a file counts from the first state of main that had it."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import given, settings

from fairlead.history import Trail, blob_digest, open_trail

from .. import roots

PATHS = st.sampled_from([f"submissions/acme/{name}" for name in ("a", "b", "c d", "e\tf")])
EDIT = st.tuples(PATHS, st.none() | st.sampled_from(["1", "2", "3"]))  # None removes the file
MERGE = st.tuples(st.booleans(), st.lists(EDIT, min_size=1, max_size=4))  # by a branch of commits, or at once
SIDE_S = 1000  # what the clocks of branches show is told from what main's shows


def made(root: Path, merges: Sequence[tuple[bool, Sequence[tuple[str, str | None]]]]) -> list[dict[str, str]]:
    """Make a history, first parents at rising times; the files after each of its first-parent commits."""
    states: list[dict[str, str]] = []
    files: dict[str, str] = {}
    script, mark, tip = "", 0, 0
    for number, (by_branch, edits) in enumerate(merges, start=1):
        before = dict(files)
        parent = tip
        for edit in edits if by_branch else ():
            files = _after(files, [edit])
            mark += 1
            script += _commit("refs/heads/side", mark, number + SIDE_S, [parent] if parent else [], files)
            parent = mark
        files = _after(before, edits)
        mark += 1
        parents = [tip, parent] if tip and parent != tip else [one for one in (tip,) if one]
        script += _commit("refs/heads/main", mark, number, parents, files)
        tip = mark
        states.append(files)
    roots.git(root, "init", "--quiet")
    command = ["git", "-C", str(root), "fast-import", "--quiet", "--force"]
    subprocess.run(command, input=script.encode(), check=True, capture_output=True)
    return states


def _after(files: Mapping[str, str], edits: Sequence[tuple[str, str | None]]) -> dict[str, str]:
    found: dict[str, str | None] = {**files, **dict(edits)}
    return {path: text for path, text in found.items() if text is not None}


def _commit(ref: str, mark: int, unix_s: int, parents: Sequence[int], files: Mapping[str, str]) -> str:
    text = f"commit {ref}\nmark :{mark}\ncommitter A <a@b.invalid> {unix_s} +0000\ndata 0\n"
    text += "".join(f"{'merge' if k else 'from'} :{parent}\n" for k, parent in enumerate(parents))
    text += "deleteall\n"
    return text + "".join(f'M 100644 inline "{p}"\ndata {len(t)}\n{t}\n' for p, t in sorted(files.items()))


@settings(max_examples=25)
@given(st.lists(MERGE, min_size=1, max_size=6))
def test_a_file_counts_from_the_first_state_that_had_it(
    merges: list[tuple[bool, list[tuple[str, str | None]]]],
) -> None:
    """By branches or directly, edited, removed or brought back: order, time and bytes are the states' own."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        states = made(root, merges)
        trail = open_trail(root, "refs/heads/main", ("submissions",))
    assert trail is not None
    for path in {path for state in states for path in state}:
        first = next(number for number, state in enumerate(states, start=1) if path in state)
        change = trail.added(path)
        assert change is not None
        assert change.merge.unix_s == first
        assert [_text_at(trail, path, number) for number in range(1, len(states) + 1)] == [
            None if path not in state else blob_digest(state[path].encode()) for state in states
        ]
    assert {path for path in trail.changes if trail.added(path)} == {path for one in states for path in one}


def _text_at(trail: Trail, path: str, unix_s: int) -> str | None:
    """The digest after a state: what the last change up to it left."""
    merges = {change.merge for found in trail.changes.values() for change in found}
    past = [merge for merge in merges if merge.unix_s <= unix_s]
    return trail.blob_at(path, max(past, key=lambda merge: merge.place)) if past else None
