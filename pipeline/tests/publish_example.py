"""A whole root of plainly fictional providers, people and windows, and the site that is made of it.

Every free text that a stranger could fill in holds :data:`HOSTILE`. Knows no test.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import html.parser
import random
import shutil
from pathlib import Path
from typing import Any

from fairlead.evidence import load_evidence, with_replies
from fairlead.life import objections
from fairlead.model import window_file_name
from fairlead.problems import render_text
from fairlead.publish import BuildReport, build_site
from fairlead.ranking import Row, build_rows
from fairlead.repository import Repository, canonical_text, load_repository
from fairlead.windows import Methodology, Outcome, Request, digest, encode_window

from .examples import MS, S, make_clock, make_failure, make_header, make_load, make_request

CHECKOUT = Path(__file__).parents[2]
NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
START_NS = int(dt.datetime(2026, 2, 20, tzinfo=dt.UTC).timestamp()) * S
HOSTILE = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>[x](javascript:alert(3))![p](http://evil.example/p)"
    "`c`**b**_i_{{ 7*7 }}{% raw %}{#id .c onclick=x}|a|b|https://auto.example &lt;&#60;</a></style>"
    "\\ [TOC] ]]> -->\u202e\u200b"
)
HOSTILE_PROSE = (
    f"# Title\n\n{HOSTILE}\n\n<div onclick=alert(1)>\n\n## {HOSTILE}\n\n> # {HOSTILE}\n\n"
    "[a](javascript:alert(1)) [b](javascript&#58;alert(1)) [c](//evil.example) ![d](https://evil.example/d.png)\n"
    "[e]\n\n[e]: data:text/html,hi\n\n| <b> | x |\n|---|---|\n| <i> | [f](vbscript:x) |\n\n"
    "```html\n<script>x</script>\n```\n"
)

# provider: (name, TTFT median in ms, share of failures)
PROVIDERS = {
    "acme": ("Acme Inference", 180, 0.0),
    "borealis": ("Borealis", 184, 0.01),
    "cumulus": ("Cumulus Cloud Works", 260, 0.0),
    "dunlin": ("Dunlin", 210, 0.2),
    "hostile": (HOSTILE, 300, 0.0),
}
ROUNDS = 8


def write_root(root: Path) -> None:
    """The checkout's methodology, five providers, eight neutral rounds, two submissions, one proposal."""
    shutil.copytree(CHECKOUT / "methodology", root / "methodology")
    (root / "methodology/governance/funding.yaml").unlink(missing_ok=True)
    _write(root, "methodology/models.yaml", "models", {"schema_version": 1, "models": [_model()]})
    _write(root, "methodology/vantages.yaml", "vantages", {"schema_version": 1, "vantages": [_vantage()]})
    for name in PROVIDERS:
        _write(root, f"providers/{name}.yaml", "provider", _provider(name))
    method = root / "methodology/versions/0.1.0/methodology.yaml"
    reference = Methodology(version="0.1.0", sha256=digest(method.read_bytes()))
    _write_rounds(root, reference)
    _write_submission(root, reference)
    _write_governance(root)


def _write(root: Path, path: str, kind: str, data: Any) -> None:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(canonical_text(kind, data), "utf-8")


def _model() -> dict[str, Any]:
    return {"id": "fable-7b", "name": "Fable 7B", "developer": HOSTILE, "tokenizer": None, "notes": HOSTILE}


def _vantage() -> dict[str, Any]:
    names = ("name", "region", "network", "operator")
    return {"id": "harbour", **dict.fromkeys(names, "Harbour"), "operator": None, "notes": None}


def _provider(name: str) -> dict[str, Any]:
    is_hostile = name == "hostile"
    text = HOSTILE if is_hostile else None
    price = {
        "from": "2026-01-01",
        "until": None,
        "input_usd_per_mtok": 0.2,
        "cached_input_usd_per_mtok": None,
        "output_usd_per_mtok": 0.6,
        "source": text or "https://example.org/prices",
        "retrieved": "2026-02-01",
    }
    served = {
        "model": "fable-7b",
        "api_model": text or "fable-7b-chat",
        "accelerator": text,
        "accelerator_count": 8 if name == "acme" else None,
        "precision": text or "fp8",
        "context_tokens": None,
        "prompt_cache": "none",
        "prices": [{**price, "from": "2025-06-01", "input_usd_per_mtok": 0.3}, price],
    }
    endpoint = {
        "id": "api",
        "base_url": f"https://{name}.example/v1",
        "dialect": "openai-chat",
        "http": "1.1",
        "region": text or "eu-north",
        "models": [served],
    }
    permission = {"granted": True, "source": text or "https://example.org/terms", "date": "2026-01-01"}
    return {
        "schema_version": 1,
        "name": PROVIDERS[name][0],
        "status": "active",
        "organisation": None,
        "website": f"https://{name}.example/",
        "contacts": [{"name": text or "Ada Example", "github": {"login": "ada-example", "id": 7}}],
        "benchmark_permission": permission,
        "endpoints": [endpoint],
        "interests": [_interest("acme")] if is_hostile else [],
        "notes": f"{HOSTILE}\n\n{HOSTILE}" if is_hostile else None,
    }


def _interest(party: str) -> dict[str, Any]:
    return {
        "kind": "credits",
        "party": party,
        "amount_band": "over-1000-usd",
        "from": "2026-01-01",
        "until": None,
        "source": HOSTILE,
        "notes": HOSTILE,
    }


def _requests(source: random.Random, ttft_ms: float, failing: float, number: int) -> list[Request]:
    """One stream; a failure is a rate limit. The round's own level moves every request of it."""
    level = source.lognormvariate(0, 0.02)
    requests: list[Request] = []
    sent = 0
    for i in range(number):
        if source.random() < failing:
            requests.append(
                make_failure(
                    Outcome.RATE_LIMITED,
                    i=i,
                    sent_ns=sent,
                    headers_ns=sent + MS,
                    done_ns=sent + 5 * MS,
                    status=429,
                )
            )
            sent += 6 * MS
            continue
        first = sent + int(ttft_ms * level * source.lognormvariate(0, 0.1) * MS)
        gaps = [int(9 * MS * source.lognormvariate(0, 0.2)) for _ in range(3)]
        done = first + sum(gaps)
        requests.append(
            make_request(i=i, sent_ns=sent, headers_ns=first, done_ns=done, chunk_ns=[first, *gaps])
        )
        sent = done + MS
    return requests


def _window(
    provider: str, round_: int | None, methodology: Methodology, source: random.Random, number: int = 30
) -> tuple[str, bytes]:
    _, ttft_ms, failing = PROVIDERS[provider]
    requests = _requests(source, ttft_ms, failing, number)
    place = list(PROVIDERS).index(provider)
    start = START_NS + (round_ or 0) * 6 * 3600 * S + place * 120 * S
    header = make_header(
        provider=provider,
        endpoint="api",
        round=None if round_ is None else f"r{round_:02d}",
        methodology=methodology,
        load=make_load(planned=number),
        clock=make_clock(start_unix_ns=start, duration_ns=max(r.done_ns or 0 for r in requests)),
    )
    name = window_file_name(start, "fable-7b", "chat-c1", "subject")
    return f"windows/{name}", encode_window(header, requests)


def _manifest_entry(root: Path, folder: str, name: str, data: bytes) -> dict[str, Any]:
    target = root / folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    return {"file": name, "sha256": digest(data), "bytes": len(data)}


def _write_rounds(root: Path, methodology: Methodology) -> None:
    folder, source = "submissions/neutral/2026-02-harbour-fable-7b", random.Random(11)
    entries = [
        _manifest_entry(root, folder, *_window(provider, round_, methodology, source))
        for round_ in range(ROUNDS)
        for provider in PROVIDERS
    ]
    manifest = {
        "schema_version": 1,
        "methodology": {"version": methodology.version, "sha256": methodology.sha256},
        "vantage": "harbour",
        "model": "fable-7b",
        "windows": entries,
        "calibrations": [],
        "notes": HOSTILE,
    }
    _write(root, f"{folder}/rounds.yaml", "rounds", manifest)
    _write_neutral_history(root, folder)


def _write_submission(root: Path, methodology: Methodology) -> None:
    folder, source = "submissions/hostile/2026-02-19-first", random.Random(12)
    entry = _manifest_entry(root, folder, *_window("hostile", None, methodology, source, 40))
    names = ("accelerator", "precision", "region", "capacity")
    claim = {
        "endpoint": "api",
        "model": "fable-7b",
        "scenario": "chat-c1",
        "metric": "ttft_p50_ms",
        "value": 299.5,
        "primary": True,
    }
    submission = {
        "schema_version": 1,
        "title": HOSTILE,
        "origin": "measured",
        "submitted": "2026-02-20",
        "by": {"login": "ada-example", "id": 7},
        "registration_sha256": None,
        "disclosures": {**dict.fromkeys(names, HOSTILE), "accelerator_count": None, "prompt_cache": None},
        "claims": [claim],
        "windows": [entry],
        "calibrations": [],
        "corrects": None,
        "notes": f"{HOSTILE}\n\n- {HOSTILE}\n",
    }
    _write(root, f"{folder}/submission.yaml", "submission", submission)
    events = [_event("submitted", "2026-02-20T10:00:00Z"), _disputed("2026-02-21T10:00:00Z", 1, None)]
    _write(root, f"{folder}/history.yaml", "history", {"schema_version": 1, "events": events})


ROW = "fable-7b/chat-c1/harbour/{}/api/neutral/0.1.0"


def _event(kind: str, at: str, **changes: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "at": at,
        "by": {"login": "ada-example", "id": 7},
        "reason": HOSTILE,
        "link": "https://example.org/pull/1",
        "dispute": None,
        "approvals": [],
        "superseded_by": None,
        "case": None,
        **changes,
    }


def _disputed(at: str, number: int, provider: str | None) -> dict[str, Any]:
    case = {
        "rule": "WIN012",
        "row": ROW.format(provider) if provider else None,
        "evidence": ["https://example.org/analysis", HOSTILE],
        "figure": None,
        "interests": [_interest("institute")] if provider else None,
    }
    return _event("disputed", at, dispute=number, case=case)


def _write_neutral_history(root: Path, folder: str) -> None:
    """An open dispute of one row, and one of another row that three panelists have upheld."""
    panel = [{"login": f"panelist-{number}", "id": number} for number in (11, 12, 13)]
    events = [
        _disputed("2026-02-24T10:00:00Z", 1, "borealis"),
        _disputed("2026-02-25T10:00:00Z", 2, "dunlin"),
        _event("upheld", "2026-02-28T10:00:00Z", dispute=2, approvals=panel),
    ]
    _write(root, f"{folder}/history.yaml", "history", {"schema_version": 1, "events": events})


def _write_governance(root: Path) -> None:
    organisation = {"id": "institute", "name": HOSTILE, "kind": "academic", "owners": [], "notes": None}
    organisations = {"schema_version": 1, "organisations": [organisation]}
    _write(root, "methodology/governance/organisations.yaml", "organisations", organisations)
    member = {
        "schema_version": 1,
        "name": HOSTILE,
        "github": {"login": "bo-example", "id": 8},
        "roles": ["voter"],
        "admitted_by": None,
        "seated": "2026-01-15",
        "term_until": "2028-01-15",
        "employment": [{"organisation": "institute", "from": "2020-01-01", "until": None}],
        "delegate_of": "institute",
        "interests": [_interest("acme")],
        "notes": None,
    }
    _write(root, "methodology/governance/members/bo-example.yaml", "member", member)
    folder = "methodology/proposals/0001-first"
    event = {"kind": "comment", "at": "2026-02-01T00:00:00Z", "reason": HOSTILE}
    proposal = {
        "schema_version": 1,
        "title": HOSTILE,
        "kind": "methodology",
        "proposer": {"login": "bo-example", "id": 8},
        "raised": "2026-02-01T00:00:00Z",
        "methodology_version": "0.2.0",
        "named": ["acme"],
        "pull": None,
        "events": [event],
        "notes": None,
    }
    _write(root, f"{folder}/proposal.yaml", "proposal", proposal)
    (root / folder / "proposal.md").write_text(HOSTILE_PROSE, "utf-8")


def load(root: Path) -> tuple[Repository, tuple[Row, ...]]:
    """The repository and its rows; a problem in the example itself is a failure of the test."""
    repository, problems = load_repository(root)
    evidence, unusable = load_evidence(repository)
    assert render_text([*problems, *unusable]) == "no problems\n"
    now_unix_ns = int(NOW.timestamp()) * S
    return repository, build_rows(
        with_replies(repository, evidence),
        repository.providers,
        repository.methodologies,
        now_unix_ns=now_unix_ns,
        against=objections(repository, NOW),
    )


def build(root: Path, out: Path) -> BuildReport:
    """The site of a root, at a fixed time and commit."""
    repository, rows = load(root)
    return build_site(repository, rows, out=out, now=NOW, commit=COMMIT)


def tree_digest(folder: Path) -> str:
    """One digest of every path and byte below a folder."""
    hasher = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        hasher.update(f"{path.relative_to(folder)}\0".encode())
        hasher.update(path.read_bytes() if path.is_file() else b"")
    return hasher.hexdigest()


def main(root: Path, out: Path) -> None:
    """Make the example and its site, for somebody who wants to look at it."""
    write_root(root)
    print(build(root, out))


class Outline(html.parser.HTMLParser):
    """What a page is made of: its elements with their attributes, its text, the text of one element."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.elements}

    @property
    def text(self) -> str:
        return "".join(self.words)

    def values(self, attribute: str) -> list[str]:
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]
