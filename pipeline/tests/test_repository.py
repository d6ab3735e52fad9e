"""The tree as a value: what is found, what is refused, and where each fault of a file is shown."""

from __future__ import annotations

import gc
import json
import os
import re
import typing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead import repository, windows
from fairlead.documents import Document, canonical_yaml, locate, parse
from fairlead.problems import Problem, Span
from fairlead.repository import (
    KEYWORD_CODES,
    PLACES,
    STRUCTS,
    FileKind,
    canonical_text,
    format_tree,
    is_within,
    kind_of,
    load_repository,
    load_schema,
    read_window,
    schema_problems,
)

from . import roots


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return roots.build_root(tmp_path / "root")


# -- the tree ------------------------------------------------------------------------------------


def test_everything_is_found_under_its_id(root: Path) -> None:
    """The path is the id."""
    found, problems = load_repository(root)
    assert problems == []
    assert list(found.providers) == ["acme"]
    assert list(found.models) == ["llama-3-70b", "reference"]
    assert list(found.vantages) == ["north-1"]
    assert list(found.versions) == list(found.methodologies) == ["1.0.0"]
    assert list(found.members) == ["ada", "ben"]
    assert list(found.organisations) == ["acme-corporation", "example-fund", "example-university"]
    assert list(found.proposals) == ["0000-first-members", "0001-first-method"]
    assert list(found.ballots) == ["0001-first-method"]
    assert list(found.registrations) == ["acme/2026-03-04-llama"]
    assert list(found.submissions) == list(found.histories)
    assert list(found.submissions) == ["acme/2023-12-21-llmperf", "acme/2026-03-04-llama"]
    assert list(found.reruns) == ["acme/2026-03-04-llama/reruns/20260310t120000z-north-1"]
    assert list(found.rounds) == ["2026-03-north-1-llama-3-70b"]
    assert found.rules is not None
    assert found.broken == frozenset()
    assert found.providers["acme"].endpoints[0].models[0].prices[1].output_usd_per_mtok == 1.5


def test_windows_are_listed_and_read_one_by_one(root: Path) -> None:
    """Loading a tree reads no raw file."""
    (root / roots.window_of(root, roots.ROUNDS)).write_bytes(b"not gzip")
    found, problems = load_repository(root)
    assert problems == []
    assert len(found.window_paths()) == 5
    (path,) = found.window_paths(roots.RERUN)
    assert read_window(path).header.vantage == "north-1"
    with pytest.raises(windows.WindowError):
        read_window(found.window_paths(roots.ROUNDS)[0])


def test_manifests_name_the_folders_whose_files_they_list(root: Path) -> None:
    """Submissions, reruns and neutral rounds list their raw files in the same form."""
    found = {manifest.path: manifest for manifest in load_repository(root)[0].manifests()}
    assert sorted(found) == sorted(
        [
            f"{roots.CLAIM}/submission.yaml",
            f"{roots.IMPORTED}/submission.yaml",
            f"{roots.RERUN}/rerun.yaml",
            f"{roots.ROUNDS}/rounds.yaml",
        ]
    )
    claim = found[f"{roots.CLAIM}/submission.yaml"]
    assert len(claim.windows) == 2
    assert len(claim.calibrations) == 1
    assert all((root / claim.folder / raw.file).is_file() for raw in claim.windows + claim.calibrations)


def test_a_broken_file_stops_nothing_and_has_no_value(root: Path) -> None:
    """The rest of the tree is there, and the broken one is known to be broken."""
    roots.write(root, "methodology/governance/members/ada.yaml", "name: [")
    roots.write(root, "providers/bolt.yaml", "schema_version: 1\n")
    found, problems = load_repository(root)
    assert {problem.path for problem in problems} == set(found.broken)
    assert list(found.members) == ["ben"]
    assert list(found.providers) == ["acme"]
    assert "providers/bolt.yaml" in found.documents


def test_where_values_are_is_known_of_every_file_and_kept_of_few(root: Path) -> None:
    """Each document is what its bytes give, whenever it is asked for; most are let go again."""
    found, _ = load_repository(root)
    assert len(found.documents) > 10
    repository._parsed.cache_clear()
    gc.collect()
    before = sum(isinstance(one, Document) for one in gc.get_objects())
    for path in [*found.documents, *found.documents]:
        document = found.documents[path]
        assert document == parse((root / path).read_bytes(), path)[0]
        assert found.documents[path] is document
    gc.collect()
    held = sum(isinstance(one, Document) for one in gc.get_objects()) - before
    assert 0 < held <= 8


def test_an_exception_of_ours_names_the_file_and_the_rest_is_read(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug in one file's reading is said to be ours, and hides no other file."""
    real = repository.schema_problems

    def explode(document: Any, kind: Any) -> list[Problem]:
        if document.path.endswith("acme.yaml"):
            raise ZeroDivisionError
        return real(document, kind)

    monkeypatch.setattr(repository, "schema_problems", explode)
    found, problems = load_repository(root)
    assert [(problem.code, problem.path) for problem in problems] == [("BUG001", "providers/acme.yaml")]
    assert list(found.members) == ["ada", "ben"]


def test_links_lead_nowhere(root: Path, tmp_path: Path) -> None:
    """Neither a linked file nor a linked folder is read, wherever it is."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "evil.yaml").write_text("name: no\n")
    (root / "providers/evil.yaml").symlink_to(outside / "evil.yaml")
    (root / "submissions/evil").symlink_to(outside)
    found, problems = load_repository(root)
    assert {problem.code for problem in problems} == {"TREE001"}
    assert len(problems) == 2
    assert not [path for path in found.kinds if "evil" in path]
    (root / "providers").rename(tmp_path / "elsewhere")
    (root / "providers").symlink_to(tmp_path / "elsewhere")
    found, problems = load_repository(root)
    assert found.providers == {}
    assert "providers" in {problem.path for problem in problems}


@pytest.mark.parametrize(
    "path",
    [
        "providers/ACME.yaml",
        "providers/acme.yml",
        "providers/acme/notes.txt",
        "providers/-acme.yaml",
        "providers/a--b.yaml",
        "providers/neutral.yaml",
        "submissions/acme/latest/submission.yaml",
        "submissions/acme/2026-03-04-x/windows/one.jsonl.gz",
        "submissions/acme/2026-03-04-x/windows/20260304t050607z-m-s-boss.jsonl.gz",
        "submissions/neutral/2026-03-04-x/submission.yaml",
        "methodology/versions/1.0/methodology.yaml",
        "methodology/governance/members/Ada Example.yaml",
        "methodology/proposals/1-first/proposal.yaml",
    ],
)
def test_what_has_no_place_is_reported_with_what_would_have_one(root: Path, path: str) -> None:
    """Nothing in the tree is ignored without a word."""
    roots.write(root, path, "schema_version: 1\n")
    found, problems = load_repository(root)
    assert path not in found.kinds
    assert kind_of(path) is None or path == "providers/neutral.yaml"
    (problem,) = problems
    assert problem.code in ("TREE005", "TREE006")
    assert path.startswith(problem.path)
    assert problem.fix


def test_the_walk_and_the_path_alone_agree(root: Path) -> None:
    """What a file is follows from its path, with or without the tree around it."""
    roots.archive_folder(root, roots.RERUN)
    found, _ = load_repository(root)
    assert {path: kind_of(path) for path in found.kinds} == dict(found.kinds)
    assert set(found.kinds.values()) == set(FileKind)


def test_empty_folders_and_keepers_are_no_fault(tmp_path: Path) -> None:
    """A new root holds folders that are still empty; git needs a file in each."""
    for top in repository.TOP_FOLDERS:
        roots.write(tmp_path, f"{top}/.gitkeep", "")
    assert load_repository(tmp_path)[1] == []
    assert [p.code for p in load_repository(tmp_path / "none")[1]] == ["TREE007"] * 3


def test_paths_select_files_and_folders() -> None:
    """A folder holds what is below it, not what merely begins like it."""
    assert is_within("providers/a.yaml", [])
    assert is_within("providers/a.yaml", ["providers"])
    assert is_within("providers/a.yaml", ["providers/"])
    assert is_within("providers/a.yaml", ["submissions", "providers/a.yaml"])
    assert not is_within("providers/ab.yaml", ["providers/a"])


# -- schemas -------------------------------------------------------------------------------------

KINDS = sorted(STRUCTS)
OPTIONAL = {"nodes", "lag_p99_ms", "intervals", "time", "fidelity", "smoothness", "integrity", "stopping"}


def _subschemas(schema: Any) -> typing.Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for key, value in schema.items():
            children = value.values() if key == "properties" else [value] if key == "items" else []
            for child in children:
                yield from _subschemas(child)


@pytest.mark.parametrize("kind", [*KINDS, "window-header"])
def test_a_schema_uses_only_what_problems_can_be_made_of(kind: str) -> None:
    """Each keyword has its code; nothing unknown is let in, and nothing is optional but what a frozen version
    of the method cannot have."""
    about = {"$schema", "$id", "title", "description", "x-expected", "properties", "items", "type"}
    for schema in _subschemas(load_schema(kind)):
        assert set(schema) <= about | set(KEYWORD_CODES)
        if "properties" in schema:
            assert schema["additionalProperties"] is False
            assert schema["required"] == [key for key in schema["properties"] if key not in OPTIONAL]


def _struct_of(annotation: Any) -> Any:
    """The struct inside `X | None`, `tuple[X, ...]` and the like; None where there is none."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return annotation
    inner = typing.get_args(annotation) if not isinstance(annotation, str) else ()
    return next(filter(None, map(_struct_of, inner)), None)


def _assert_same_fields(schema: Any, struct: Any, where: str) -> None:
    schema = schema.get("items", schema)
    hints = typing.get_type_hints(struct)
    fields = msgspec.structs.fields(struct)
    assert list(schema["properties"]) == [field.encode_name for field in fields], where
    for field in fields:
        inner, found = schema["properties"][field.encode_name], hints[field.name]
        is_nullable = "null" in inner["type"]
        has_none = type(None) in typing.get_args(found)
        assert is_nullable == has_none, f"{where}/{field.encode_name}"
        if _struct_of(found) is not None:
            _assert_same_fields(inner, _struct_of(found), f"{where}/{field.encode_name}")


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_and_its_struct_have_the_same_fields(kind: FileKind) -> None:
    """What passes its schema becomes a value, always; null is allowed in both or in neither."""
    _assert_same_fields(load_schema(kind), STRUCTS[kind], str(kind))


def test_every_yaml_place_has_a_schema() -> None:
    """A file that is recognised is checked."""
    for _, kind in PLACES:
        assert kind in STRUCTS or kind in (FileKind.WINDOW, FileKind.CALIBRATION, FileKind.PROSE)


def problems_of(text: str, kind: FileKind = FileKind.FUNDING) -> list[Problem]:
    document, problems = parse(text.encode(), "x.yaml")
    assert problems == []
    assert document is not None
    return schema_problems(document, kind)


GIFT = """\
schema_version: 1
entries:
  - date: 2026-01-02
    from: acme
    kind: money
    amount_usd: 5
    purpose: For tests.
    source: https://acme.example/
notes: null
"""


@pytest.mark.parametrize(
    ("old", "new", "code", "pointer", "span"),
    [
        ("amount_usd: 5", 'amount_usd: "5"', "SCH001", "/entries/0/amount_usd", Span(6, 17, 20)),
        ("amount_usd: 5", "amount_usd: null", "SCH001", "/entries/0/amount_usd", Span(6, 17, 21)),
        ("schema_version: 1", "schema_version: 1.0", "SCH001", "/schema_version", Span(1, 17, 20)),
        ("schema_version: 1", "schema_version: true", "SCH001", "/schema_version", Span(1, 17, 21)),
        ("    amount_usd: 5\n", "", "SCH002", "/entries/0", Span(3, 5, 21)),
        ("notes: null\n", "", "SCH002", "", Span(1, 1, 18)),
        ("    amount_usd", "    amount_us", "SCH003", "/entries/0/amount_us", Span(6, 5, 14)),
        ("notes: null", "notes: null\nmore: 1", "SCH003", "/more", Span(10, 1, 5)),
        ("kind: money", "kind: monney", "SCH004", "/entries/0/kind", Span(5, 11, 17)),
        ("schema_version: 1", "schema_version: 3", "SCH005", "/schema_version", Span(1, 17, 18)),
        ("from: acme", "from: acme-", "SCH006", "/entries/0/from", Span(4, 11, 16)),
        ("from: acme", 'from: "acme\\n"', "SCH006", "/entries/0/from", Span(4, 11, 19)),
        ("from: acme", 'from: ""', "SCH006", "/entries/0/from", Span(4, 11, 13)),
        ("amount_usd: 5", "amount_usd: -5", "SCH007", "/entries/0/amount_usd", Span(6, 17, 19)),
        ("notes: null", 'notes: ""', "SCH008", "/notes", Span(9, 8, 10)),
    ],
)
def test_one_fault_is_one_problem_at_its_place(
    old: str, new: str, code: str, pointer: str, span: Span
) -> None:
    """A wrong value at the value, a missing key at its mapping, an unknown one at itself."""
    assert problems_of(GIFT) == []
    assert GIFT.count(old) == 1
    found = problems_of(GIFT.replace(old, new))
    assert [(problem.code, problem.pointer, problem.span) for problem in found] == [(code, pointer, span)]
    assert found[0].expected
    assert found[0].fix


def test_all_missing_keys_of_a_mapping_are_one_problem() -> None:
    """The author adds them together."""
    (problem,) = problems_of(
        "schema_version: 1\nentries:\n  - date: 2026-01-02\n    from: acme\nnotes: null\n"
    )
    assert problem.message == "missing `kind`, `amount_usd`, `purpose` and `source`"


def test_a_misspelt_key_is_not_also_a_missing_one() -> None:
    """One slip of the hand is one problem, with the right spelling."""
    (problem,) = problems_of(GIFT.replace("purpose:", "porpoise:"))
    assert (problem.code, problem.fix) == ("SCH003", "write `purpose`")


def test_the_fix_writes_what_was_meant() -> None:
    """A number in quotes, text without them, a name near a known one."""
    fixes = {
        'amount_usd: "5"': "write `amount_usd: 5`",
        'amount_usd: "five"': None,
        "kind: Money": "write `kind: money`",
        "from: Acme Cloud": "write `from: acme-cloud`",
        "purpose: 7": 'write `purpose: "7"`',
    }
    for line, fix in fixes.items():
        name = line.partition(":")[0]
        old = next(text.strip() for text in GIFT.splitlines() if text.strip().startswith(name + ":"))
        (problem,) = problems_of(GIFT.replace(old, line))
        assert fix is None or problem.fix == fix


def test_a_disputed_word_is_not_also_a_wrong_type(root: Path) -> None:
    """The reader's problem is the cause; the schema says nothing more about it."""
    roots.edit(root, "providers/acme.yaml", "granted: true", "granted: on")
    assert [problem.code for problem in load_repository(root)[1]] == ["DOC013"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-9, 9) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "notes", "x", "entries"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.sampled_from(KINDS), json_values, st.data())
def test_no_data_breaks_the_checking_of_a_schema(kind: FileKind, value: Any, draw: st.DataObject) -> None:
    """Whatever stands anywhere in a file, each problem has a place in the text, and a fix."""
    data = json.loads(json.dumps(EXAMPLES[kind]))
    places = [((), data)]
    for path, found in places:
        children = (
            found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
        )
        places += [((*path, key), child) for key, child in children]
    path, _ = draw.draw(st.sampled_from(places))
    if path:
        parent = data
        for step in path[:-1]:
            parent = parent[step]
        parent[path[-1]] = value
    else:
        data = value
    document, _ = parse(canonical_yaml(data, {}).encode(), "x.yaml")
    assert document is not None
    for problem in schema_problems(document, kind):
        assert problem.span in (
            locate(document, problem.pointer),
            locate(document, problem.pointer, key=True),
        )
        assert problem.message
        assert problem.fix


def _examples() -> dict[FileKind, Any]:
    """A valid file of each kind, as data."""
    found = {}
    for path, text in roots.FILES.items():
        kind = kind_of(path)
        if kind in STRUCTS:
            document, _ = parse(text.encode(), path)
            assert document is not None
            found[kind] = document.data
    sha256 = "ab" * 32
    made = {
        FileKind.VERSIONS: roots._versions(sha256),
        FileKind.REGISTRATION: roots._registration(sha256),
        FileKind.SUBMISSION: roots._submission(sha256),
        FileKind.ROUNDS: roots._neutral(sha256, "model: llama-3-70b\n"),
        FileKind.RERUN: roots._neutral(
            sha256, "started: 2026-03-10T12:00:00Z\nstarted_by:\n  login: a\n  id: 1\n"
        ),
        FileKind.FUNDING: GIFT,
        FileKind.BALLOT: roots.vote_text(),
        FileKind.ARCHIVE: (
            f"schema_version: 1\nstores:\n  - {roots.STORE}\nfolders:\n  - {roots.ROUNDS}\nnotes: null\n"
        ),
    }
    for kind, text in made.items():
        document, _ = parse(text.encode(), "x.yaml")
        assert document is not None
        found[kind] = document.data
    return found


EXAMPLES = _examples()


# -- canonical text ------------------------------------------------------------------------------


def test_every_kind_is_written_in_the_order_of_its_schema() -> None:
    """One file, one text, whoever writes it."""
    for kind in KINDS:
        backwards = json.loads(
            json.dumps(EXAMPLES[kind]), object_pairs_hook=lambda pairs: dict(reversed(pairs))
        )
        text = canonical_text(kind, backwards)
        document, problems = parse(text.encode(), "x.yaml")
        assert problems == []
        assert document is not None
        assert list(document.data) == [
            key for key in load_schema(kind)["properties"] if key in document.data or key not in OPTIONAL
        ]  # type: ignore[arg-type]
        assert text == canonical_text(kind, EXAMPLES[kind])


def test_format_changes_what_differs_and_refuses_what_it_would_lose(root: Path) -> None:
    """A comment stops the formatting of its file, and of no other."""
    roots.write(root, "providers/bolt.yaml", (root / "providers/acme.yaml").read_text() + "# why\n")
    roots.edit(root, "methodology/vantages.yaml", "name: North, room 1", 'name: "North, room 1"')
    changes, problems = format_tree(root)
    assert list(changes) == ["methodology/vantages.yaml"]
    assert [problem.code for problem in problems] == ["DOC008"]
    assert format_tree(root, ["providers"])[0] == {}
    roots.write(root, "methodology/vantages.yaml", changes["methodology/vantages.yaml"])
    assert format_tree(root)[0] == {}


# -- cost ----------------------------------------------------------------------------------------


def test_a_tree_is_walked_once_and_each_file_read_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost of loading is the cost of its files: none is opened twice."""
    opened: list[str] = []
    real = os.open

    def count(path: Any, *arguments: Any, **options: Any) -> int:
        opened.append(str(path))
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", count)
    found, _ = load_repository(root)
    inside = [path for path in opened if path.startswith(str(root))]
    assert len(inside) == len(set(inside)) == len(found.documents)


def test_a_limit_of_lag_is_read_where_it_is_given_and_is_none_where_it_is_not(root: Path) -> None:
    """The frozen versions do not have the key; one that does is canonical with it in its place."""
    before = load_repository(root)[0].methodologies["1.0.0"]
    assert (before.limits.lag_p99_ms, before.calibration.lag_p99_ms) == (None, None)
    path = root / roots.METHODOLOGY
    text = re.sub(
        r"^  invalid_windows_share: .*$", r"\g<0>\n  lag_p99_ms: 3", path.read_text(), flags=re.MULTILINE
    )
    text = text.replace("  ttft_error_p99_ms: 1\n", "  ttft_error_p99_ms: 1\n  lag_p99_ms: 2\n")
    path.write_text(text)
    found, problems = load_repository(root)
    assert problems == []
    after = found.methodologies["1.0.0"]
    assert (after.limits.lag_p99_ms, after.calibration.lag_p99_ms) == (3, 2)
