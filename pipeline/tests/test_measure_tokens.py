"""Counting from end to end: a root that pins a tokenizer, an honest endpoint, and one that pads its usage."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from fairlead import campaign, checks, cli, demo, evidence, history, report, usage, windows
from fairlead.clock import SystemClock, pause
from fairlead.measure import calibrate
from fairlead.measure.plan import Plan
from fairlead.measure.reference import Reference, start_reference
from fairlead.measure.runner import measure_window
from fairlead.measure.spool import SpoolError, seal
from fairlead.measure.truth import ReferenceProfile, read_log
from fairlead.problems import render_text
from fairlead.publish import build_site
from fairlead.ranking import build_rows
from fairlead.repository import Repository, load_repository, read_window
from fairlead.tokens import Pinned, count, load_tokenizer

from .certificate_example import dated
from .tokenizer_example import pin, reference_words, words

SHA256 = hashlib.sha256(reference_words()).hexdigest()
SOURCE = "https://example.org/reference/tokenizer.json"

PADDED = """
import sys
from pathlib import Path
from fairlead.measure import reference
from fairlead.measure.truth import ReferenceProfile

honest = reference._Stream._usage

def padded(stream):
    usage = honest(stream)
    return {**usage, "completion_tokens": usage["completion_tokens"] * 6 // 5}

reference._Stream._usage = padded
profile = ReferenceProfile.from_json(sys.argv[1].encode())
reference.serve(profile, port=0, log=None, ready=lambda host, port: print(port, flush=True))
"""


@contextlib.contextmanager
def start_padded(profile: ReferenceProfile) -> Iterator[Reference]:
    """The reference endpoint, with a fifth more in its usage than it sends."""
    command = [sys.executable, "-c", PADDED, profile.to_json().decode()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        try:
            yield Reference(url=f"http://127.0.0.1:{port}/v1", pid=process.pid, cores=())
        finally:
            process.terminate()


@dataclasses.dataclass(frozen=True)
class Field:
    """A root that pins a tokenizer, its honest provider's log, and the tokenizer's file."""

    root: Path
    log: Path
    file: Path

    def load(self) -> Repository:
        repository, problems = load_repository(self.root)
        assert not problems
        return repository


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Pinned:
    return pin(reference_words(), tmp_path_factory.mktemp("tokenizer"))


@contextlib.contextmanager
def fielded(folder: Path) -> Iterator[Field]:
    honest, padder, *_, control = demo.contestants("00")
    with (
        start_reference(honest.profile, log=folder / "log") as first,
        start_padded(padder.profile) as second,
        start_reference(control.profile) as third,
    ):
        chosen = (honest, padder, control)
        running = dict(zip((one.provider for one in chosen), (first, second, third), strict=True))
        root = folder / "root"
        demo.make_root(root, chosen, running)
        models = root / "methodology" / "models.yaml"
        text = models.read_text()
        assert text.count("tokenizer: null") == 1
        models.write_text(
            text.replace("tokenizer: null", f"tokenizer:\n      source: {SOURCE}\n      sha256: {SHA256}")
        )
        file = folder / "tokenizer.json"
        file.write_bytes(reference_words())
        yield Field(root, folder / "log", file)


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory, tokenizer: Pinned) -> Field:
    """One neutral round of all endpoints, measured and counted."""
    with fielded(tmp_path_factory.mktemp("counted")) as field:
        list(measure_rounds(field, {SHA256: tokenizer}))
    return field


def measure_rounds(field: Field, tokenizers: dict[str, Pinned]) -> Iterator[Path]:
    return campaign.measure_rounds(
        field.load(),
        model=demo.MODEL,
        version=demo.VERSION,
        vantage=demo.VANTAGE,
        scenarios=(demo.SCENARIO,),
        rounds=1,
        spacing_s=0,
        rng=random.Random(1),
        gear=campaign.Gear(
            clock=SystemClock(),
            wait=pause,
            report=lambda _: None,
            calibrate=dated,
            tokenizers=tokenizers,
        ),
    )


def window_of(field: Field, provider: str) -> windows.Window:
    found = [read_window(path) for path in sorted(field.root.rglob("*.jsonl.gz"))]
    return next(window for window in found if window.header.provider == provider)


# -- counted -------------------------------------------------------------------------------------


def test_every_count_is_what_the_reference_sent_chunk_by_chunk(counted: Field) -> None:
    """The log of the endpoint says how many tokens each chunk held; so does the window."""
    window = window_of(counted, "demo-honest")
    sent = {entry.id: entry.tokens for entry in read_log(counted.log)}
    assert window.header.tokenizer_sha256 == SHA256
    assert len(window.requests) == 32
    for request in window.requests:
        assert request.chunk_tokens == sent[request.provider_request_id or ""]
        assert request.tokens.counted == sum(sent[request.provider_request_id or ""])


def test_a_counted_round_checks_clean_also_when_it_is_counted_again(
    counted: Field, tokenizer: Pinned
) -> None:
    """The same file gives the same numbers to whoever has it."""
    asked: list[str] = []

    def recount(sha256: str) -> Pinned:
        asked.append(sha256)
        return tokenizer

    found = checks.run_checks(counted.root, now=dt.datetime.now(dt.UTC), recount=recount)
    assert not found, render_text(found)
    assert set(asked) == {SHA256}


def test_who_pads_usage_by_a_fifth_gets_the_finding_and_nobody_else_does(counted: Field) -> None:
    """Each request of the padder is off by its fifth; the honest one's usage is its count."""
    read, problems = evidence.load_evidence(counted.load())
    assert not problems
    found = {item.table.header.provider: item.usage for item in read}
    honest, padded = found["demo-honest"], found["demo-boastful"]
    assert honest is not None
    assert padded is not None
    assert (honest.findings, honest.share, honest.compared) == (0, 0, 32)
    assert (padded.findings, padded.compared) == (32, 32)
    assert padded.share == 3 / 16  # a fifth more than 16 tokens, in whole tokens


def test_the_finding_stands_with_its_row_its_window_and_its_evidence(counted: Field, tmp_path: Path) -> None:
    """The terminal, the pages and the data files say it with figures and the raw file that shows it."""
    repository = counted.load()
    read, _ = evidence.load_evidence(repository)
    rows = build_rows(read, repository.providers, repository.methodologies, now_unix_ns=SystemClock.unix_ns())
    path = next(item.path for item in read if item.table.header.provider == "demo-boastful")
    text = report.rank_text(rows)
    assert "demo-boastful/main (neutral): " in text
    assert "finding: 32 requests off by more than 0.05 of the count" in text
    assert f"evidence: {path}" in text
    assert text.count("finding: ") == 1
    build_site(repository, rows, out=tmp_path / "site", now=dt.datetime.now(dt.UTC), commit=None)
    board = (tmp_path / "site" / "models" / demo.MODEL / "index.html").read_text()
    assert "finding: 32 requests off" in board
    assert f"raw/{path}" in board
    folder = "/".join(path.split("/")[1:3])
    rounds = (tmp_path / "site" / "submissions" / folder / "index.html").read_text()
    assert "32 requests, most request" in rounds
    data = json.loads((tmp_path / "site/api/v1/leaderboards" / f"{demo.MODEL}.json").read_text())
    shown = {row["provider"]: row["usage"] for row in data["rows"]}
    assert shown["demo-boastful"]["findings"] == 32
    assert shown["demo-honest"]["findings"] == 0


# -- refused before the first request ------------------------------------------------------------


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    with fielded(tmp_path) as made:
        yield made


def test_a_campaign_without_the_pinned_tokenizer_sends_nothing(field: Field) -> None:
    """There is no silent fall-back to the provider's usage."""
    with pytest.raises(campaign.CampaignError, match=SHA256):
        list(measure_rounds(field, {}))
    assert field.log.read_bytes() == b""
    assert not list(field.root.rglob("*.spool"))


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    said = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, said.out, said.err


NEUTRAL = ["measure", "--neutral", demo.MODEL, "--vantage", demo.VANTAGE]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache folder of the command line, empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "cache" / "fairlead" / "tokenizers"
    folder.mkdir(parents=True)
    return folder


def test_a_missing_tokenizer_ends_with_3_and_says_what_to_do(
    field: Field, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message holds the digest, where to get the file, and where to put it."""
    code, _, err = run([*NEUTRAL, "--root", str(field.root)], capsys)
    assert code == 3
    for part in (SHA256, SOURCE, "--tokenizer FILE", str(cache / f"{SHA256}.json")):
        assert part in err
    assert field.log.read_bytes() == b""
    assert not list(field.root.rglob("*.spool"))


def test_a_file_with_another_digest_is_refused_even_where_the_cache_has_the_right_one(
    field: Field, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both digests are named, and nothing is sent."""
    (cache / f"{SHA256}.json").write_bytes(reference_words())
    other = tmp_path / "other.json"
    other.write_bytes(words())
    code, _, err = run([*NEUTRAL, "--root", str(field.root), "--tokenizer", str(other)], capsys)
    assert code == 3
    assert f"its sha256 is {hashlib.sha256(words()).hexdigest()}, pinned is {SHA256}" in err
    assert field.log.read_bytes() == b""


def test_a_cached_file_with_other_bytes_than_its_name_is_refused(
    field: Field, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The name of a file in the cache is no proof of its bytes."""
    (cache / f"{SHA256}.json").write_bytes(words())
    code, _, err = run([*NEUTRAL, "--root", str(field.root)], capsys)
    assert code == 3
    assert f"pinned is {SHA256}" in err
    assert field.log.read_bytes() == b""


def test_without_the_library_the_command_to_install_it_is_given(
    field: Field, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is an optional extra, needed only where a model pins a tokenizer."""
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    code, _, err = run([*NEUTRAL, "--root", str(field.root), "--tokenizer", str(field.file)], capsys)
    assert code == 3
    assert "make setup-tokens" in err
    assert field.log.read_bytes() == b""


# -- the commands --------------------------------------------------------------------------------


def test_a_claim_is_counted_from_the_cache_and_its_counts_are_checked_on_demand(
    field: Field, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``measure`` finds the file by its digest; ``check --recount`` counts again, or says that it cannot."""
    monkeypatch.setattr(calibrate, "calibrate", lambda shape, *, seed: dated(shape))
    kept = cache / f"{SHA256}.json"
    kept.write_bytes(reference_words())
    folder = campaign.register(
        field.load(),
        provider="demo-boastful",
        endpoint="main",
        models=(demo.MODEL,),
        scenarios=(demo.SCENARIO,),
        version=demo.VERSION,
        vantage=demo.VANTAGE,
        windows_each=1,
        spacing_s=0,
        slug="test",
        now=dt.datetime.now(dt.UTC),
        seed="ab" * 32,
        by=None,
    )
    root, name = ["--root", str(field.root)], folder.relative_to(field.root / "submissions").as_posix()
    history.commit_all(field.root, "Register")
    code, out, err = run(["measure", name, *root], capsys)
    assert code == 0, err
    path = field.root / out.strip()
    assert read_window(path).header.tokenizer_sha256 == SHA256
    assert "finding: 32 requests off by more than 0.05 of the count" in err
    recount = ["check", "--recount", out.strip(), *root]
    monkeypatch.chdir(field.root)
    assert run(recount, capsys)[0] == 0
    window = read_window(path)
    first = window.requests[0]
    assert first.chunk_tokens is not None
    more = msgspec.structs.replace(first.tokens, counted=(first.tokens.counted or 0) + 1)
    flattered = msgspec.structs.replace(
        first, tokens=more, chunk_tokens=[first.chunk_tokens[0] + 1, *first.chunk_tokens[1:]]
    )
    path.write_bytes(windows.encode_window(window.header, [flattered, *window.requests[1:]]))
    code, out, _ = run(recount, capsys)
    assert (code, "TOK003" in out) == (1, True)
    kept.unlink()
    code, out, _ = run(recount, capsys)
    assert (code, "TOK004" in out) == (0, True)
    assert "TOK" not in run(["check", *root], capsys)[1]


@pytest.mark.parametrize("start", [start_reference, start_padded], ids=["honest", "padded"])
def test_an_ad_hoc_window_is_counted_with_the_file_that_was_typed(
    start: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Text and JSON say what the usage is beside the count."""
    file, out = tmp_path / "tokenizer.json", tmp_path / "window.jsonl.gz"
    file.write_bytes(reference_words())
    with start(ReferenceProfile(ttft_median_ms=5, icl_median_ms=1)) as reference:  # type: ignore[operator]
        options = ["measure", "--url", reference.url, "--model", "reference", "--requests", "4"]
        options += ["--max-tokens", "20", "--tokenizer", str(file)]
        code, text, err = run([*options, "--out", str(out)], capsys)
        _, machine, _ = run([*options, "--json"], capsys)
    assert code == 0, err
    data = json.loads(machine)
    assert data["tokenizer_sha256"] == SHA256
    assert data["usage"]["counted_tokens"] == 80
    window = read_window(out)
    assert [request.tokens.counted for request in window.requests] == [20] * 4
    assert count(window, load_tokenizer(file, SHA256)) == window
    if start is start_padded:
        assert "96 tokens stated, 80 counted (+20.0%) over 4 requests" in text
        assert "finding: 4 requests" in text
        assert "line 2 of the raw window" in text
        assert data["usage"]["findings"] == 4
    else:
        assert "none is off by more than 0.05 of its count" in text
        assert data["usage"]["findings"] == 0


def test_an_ad_hoc_window_without_a_tokenizer_says_whose_word_its_tokens_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is counted, and nothing pretends to be."""
    with start_reference(ReferenceProfile(ttft_median_ms=5, icl_median_ms=1)) as reference:
        options = ["measure", "--url", reference.url, "--model", "reference", "--requests", "2"]
        _, text, _ = run([*options, "--max-tokens", "5"], capsys)
    assert "tokens: as the provider states them" in text


# -- spools --------------------------------------------------------------------------------------


def test_a_spool_is_sealed_with_the_tokenizer_that_its_plan_names_and_with_no_other(
    tokenizer: Pinned, tmp_path: Path
) -> None:
    """What a killed run left is counted as the run would have been."""
    spool = tmp_path / "spool"
    with start_reference(ReferenceProfile(ttft_median_ms=5, icl_median_ms=1)) as reference:
        plan = Plan(
            url=reference.url, model="reference", concurrency=2, requests=4, seed="00", max_tokens=8,
            ramp_ns=0, tokenizer_sha256=SHA256,
        )  # fmt: skip
        sealed = measure_window(plan, spool=spool, tokenizer=tokenizer)
    assert [request.tokens.counted for request in sealed.window.requests] == [8] * 4
    assert seal(spool, None, {SHA256: tokenizer}) == sealed
    with pytest.raises(SpoolError, match=SHA256):
        seal(spool)
    with pytest.raises(ValueError, match="another one was given"):
        measure_window(plan, spool=tmp_path / "other")
    assert not (tmp_path / "other").exists()
    found = usage.examine(sealed.window, 0.05)
    assert found is not None
    assert (found.findings, found.compared) == (0, 4)
