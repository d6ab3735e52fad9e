"""A small valid root with one of everything, and ways to change one thing in it. Knows no rule.

All people and companies in it are fictional. Windows are made here rather than kept as files, so
that their digests always fit.
"""

from __future__ import annotations

import datetime as dt
import functools
import gzip
import hashlib
import os
import random
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace as replace
from tokenizers import Tokenizer

from fairlead import archive, governance, model, repository, tokens, windows
from fairlead.archive.store import Store
from fairlead.documents import parse
from fairlead.measure import certificate as reports
from fairlead.measure.truth import ReferenceProfile
from fairlead.model import window_file_name, window_seed
from fairlead.repository import canonical_text

from .tokenizer_example import byte_level

NOW = dt.datetime(2026, 4, 1, tzinfo=dt.UTC)
MS = 1_000_000
S = 1_000 * MS

CLAIM = "submissions/acme/2026-03-04-llama"
IMPORTED = "submissions/acme/2023-12-21-llmperf"
RERUN = f"{CLAIM}/reruns/20260310t120000z-north-1"
ROUNDS = "submissions/neutral/2026-03-north-1-llama-3-70b"
METHODOLOGY = "methodology/versions/1.0.0/methodology.yaml"
GOVERNANCE = "methodology/governance"
PROPOSAL = "methodology/proposals/0001-first-method"
ADMISSION = "methodology/proposals/0000-first-members"

FILES = {
    "methodology/models.yaml": """\
schema_version: 1
models:
  - id: llama-3-70b
    name: Llama 3 70B
    developer: Example Research
    tokenizer: null
    notes: null
  - id: reference
    name: Reference
    developer: The board
    tokenizer: null
    notes: null
""",
    "methodology/vantages.yaml": """\
schema_version: 1
vantages:
  - id: north-1
    name: North, room 1
    region: north
    network: example-net
    operator: example-university
    notes: null
""",
    "methodology/versions/1.0.0/methodology.md": "# The method\n\n**M-3.1** A start is a start.\n",
    METHODOLOGY: """\
schema_version: 1
version: 1.0.0
title: A method for tests
day_seconds: 86400
workloads:
  - id: chat
    kind: chat
    input_words: 100
    output_tokens_max: 50
scenarios:
  - id: chat-c2
    workload: chat
    kind: closed
    concurrency: 2
    rate_per_s: null
    arrivals: null
    requests: 4
    ramp_ms: 0
control: null
window:
  requests_min: 4
  requests_per_stream_min: 2
  steady_e2e_medians_min: 1
timeouts:
  connect_ms: 1000
  first_chunk_ms: 10000
  total_ms: 60000
limits:
  schedule_delay_p99_ms: 2
  clock_step_ms: 100
  token_disagreement_share: 0.05
  output_length_min_share: 0.9
  stutter_gap_ms: 500
  invalid_windows_share: 0.1
calibration:
  required: false
  token_error_p99_ms: 1
  ttft_error_p99_ms: 1
statistics:
  confidence: 0.95
  family_error: 0.05
  rounds_min: 6
integrity:
  false_alarm_share: 0.001
  copied_gap_ns: 4
  copied_gaps_min: 12
  similar_gaps_min: 24
  similar_gaps_max: 128
  similar_correlation_min: 0.5
  stamp_grid_ns: 1000
  stamps_min: 200
  digits_off_min: 0.02
  wire_slack_ms: 5
  idle_ms: 1000
  cached_share_max: 0.5
  repeated_chars_min: 200
  client_load_max: 1
ranking:
  metrics:
    - ttft_p50_ms
  success_rate_min: 0.9
  stale_badge_days: 14
  stale_unranked_days: 30
verdict:
  latency_margin_share: 0.1
  throughput_margin_share: 0.1
  success_margin_share: 0.01
notes: null
""",
    f"{PROPOSAL}/proposal.md": "# The first method\n",
    f"{PROPOSAL}/proposal.yaml": """\
schema_version: 1
title: The first method
kind: methodology
proposer:
  login: ada-example
  id: 201
raised: 2026-01-02T00:00:00Z
methodology_version: 1.0.0
named: []
pull: null
events:
  - kind: draft
    at: 2026-01-02T00:00:00Z
    reason: First text.
  - kind: comment
    at: 2026-01-02T00:00:00Z
    reason: For anybody to read.
  - kind: voting
    at: 2026-01-16T00:00:00Z
    reason: Nobody objected.
  - kind: accepted
    at: 2026-02-02T00:00:00Z
    reason: Two ballots in favour.
notes: null
""",
    f"{ADMISSION}/proposal.md": "# The first members\n",
    f"{ADMISSION}/proposal.yaml": """\
schema_version: 1
title: The first members
kind: admission
proposer:
  login: ada-example
  id: 201
raised: 2025-12-01T00:00:00Z
methodology_version: null
named:
  - example-university
  - acme-corporation
pull: null
events:
  - kind: comment
    at: 2025-12-01T00:00:00Z
    reason: Two applications.
  - kind: accepted
    at: 2025-12-20T00:00:00Z
    reason: Public for 19 days.
notes: null
""",
    f"{GOVERNANCE}/charter.md": "# Charter\n",
    f"{GOVERNANCE}/rules.yaml": """\
schema_version: 1
founding:
  voters_min: 2
  organisations_min: 2
  untied_share_min: 0.5
  admission_days: 14
editorial:
  hours: 72
  approvals_min: 2
minor:
  vote_days: 14
  yes_share_above: 0.5
major:
  comment_days: 14
  vote_days: 14
  yes_share_min_numerator: 2
  yes_share_min_denominator: 3
  untied_majority: true
  yes_organisations_min: 2
ballots_min: 2
quorum_numerator: 2
quorum_denominator: 3
group_ownership_above: 0.5
reopened_max: 2
seats:
  group_max: 2
  cure_days: 30
recusal:
  amount_usd_above: 1000
  months: 24
own_house:
  funding_share_above: 0.25
  funding_months: 24
  cooling_days: 30
suspension:
  approvals_min: 2
  days_max: 28
disputes:
  open_per_person_max: 3
  panelists_min: 3
  answer_days: 14
notice:
  first_row_days: 14
archive:
  after_days: 14
notes: null
""",
    f"{GOVERNANCE}/organisations.yaml": """\
schema_version: 1
organisations:
  - id: acme-corporation
    name: Acme Corporation
    kind: provider
    owners:
      - organisation: example-fund
        share: 0.4
        from: 2020-01-01
        until: null
        source: https://acme.example/owners
    notes: null
  - id: example-fund
    name: Example Fund
    kind: other
    owners: []
    notes: null
  - id: example-university
    name: Example University
    kind: academic
    owners: []
    notes: null
""",
    f"{GOVERNANCE}/funding.yaml": """\
schema_version: 1
entries:
  - date: 2026-01-02
    from: example-university
    kind: in-kind
    amount_usd: 500
    purpose: A machine for tests.
    source: https://university.example/gifts
notes: null
""",
    f"{GOVERNANCE}/custody.yaml": """\
schema_version: 1
custodians:
  - right: admin
    holder:
      login: ada-example
      id: 201
    organisation: example-university
    from: 2025-11-01
    until: null
    source: The settings of the forge.
    notes: null
notes: null
""",
    f"{GOVERNANCE}/waivers.yaml": "schema_version: 1\nwaivers: []\n",
    f"{GOVERNANCE}/members/ada.yaml": """\
schema_version: 1
name: Ada Example
github:
  login: ada-example
  id: 201
roles:
  - voter
  - maintainer
admitted_by: 0000-first-members
seated: 2026-01-01
term_until: 2028-01-01
employment:
  - organisation: example-university
    from: 2020-01-01
    until: null
delegate_of: example-university
interests: []
notes: null
""",
    f"{GOVERNANCE}/members/ben.yaml": """\
schema_version: 1
name: Ben Example
github:
  login: ben-example
  id: 202
roles:
  - voter
admitted_by: 0000-first-members
seated: 2026-01-01
term_until: 2028-01-01
employment:
  - organisation: acme-corporation
    from: 2021-01-01
    until: null
delegate_of: acme-corporation
interests:
  - kind: employment
    party: acme-corporation
    amount_band: over-1000-usd
    from: 2021-01-01
    until: null
    source: https://acme.example/people
    notes: null
notes: null
""",
    "providers/acme.yaml": """\
schema_version: 1
name: Acme
status: active
organisation: acme-corporation
website: https://acme.example/
contacts:
  - name: Ben Example
    github:
      login: ben-example
      id: 202
benchmark_permission:
  granted: true
  source: https://acme.example/terms
  date: 2026-01-05
endpoints:
  - id: main
    base_url: https://api.acme.example/v1
    dialect: openai-chat
    http: "1.1"
    region: north
    models:
      - model: llama-3-70b
        api_model: llama-3-70b-instruct
        accelerator: null
        accelerator_count: null
        precision: null
        context_tokens: 8192
        prompt_cache: none
        prices:
          - from: 2025-01-01
            until: 2025-12-31
            input_usd_per_mtok: 1
            cached_input_usd_per_mtok: null
            output_usd_per_mtok: 2
            source: https://acme.example/prices
            retrieved: 2026-01-05
          - from: 2026-01-01
            until: null
            input_usd_per_mtok: 0.5
            cached_input_usd_per_mtok: null
            output_usd_per_mtok: 1.5
            source: https://acme.example/prices
            retrieved: 2026-01-05
interests: []
notes: null
""",
    f"{CLAIM}/history.yaml": """\
schema_version: 1
events:
  - kind: submitted
    at: 2026-03-06T10:00:00Z
    by:
      login: ben-example
      id: 202
    reason: Measured as registered.
    link: null
    dispute: null
    approvals: []
    superseded_by: null
    case: null
""",
    f"{IMPORTED}/history.yaml": """\
schema_version: 1
events:
  - kind: submitted
    at: 2026-03-01T10:00:00Z
    by: null
    reason: Imported from another board.
    link: null
    dispute: null
    approvals: []
    superseded_by: null
    case: null
""",
}


def unix_ns(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp()) * S


# -- windows -------------------------------------------------------------------------------------


def make_request(i: int, **changes: Any) -> windows.Request:
    """A success: sent at i x 200 ms, headers after 90 ms, three chunks 100, 110 and 120 ms after it."""
    sent = i * 200 * MS
    fields: dict[str, Any] = {
        "i": i,
        "slot": i % 2,
        "process": None,
        "body_sha256": None,
        "probe": None,
        "scheduled_ns": None,
        "sent_ns": sent,
        "headers_ns": sent + 90 * MS,
        "done_ns": sent + 121 * MS,
        "connection": windows.Connection(reused=True, dns_ns=None, tcp_ns=None, tls_ns=None),
        "chunk_ns": [sent + 100 * MS, 10 * MS, 10 * MS],
        "chunk_lag_ns": [1000, 1000, 1000],
        "chunk_kind": "t3",
        "chunk_chars": [4, 4, 4],
        "chunk_tokens": None,
        "text": "abcdabcdabcd",
        "reasoning": None,
        "tool_calls": None,
        "tokens": windows.Tokens(
            counted=None, usage_output=3, usage_input=130, usage_cached=None, usage_reasoning=None
        ),
        "status": 200,
        "finish": "stop",
        "outcome": windows.Outcome.OK,
        "error": None,
        "provider_request_id": None,
        "ttft_ns": None,
        "e2e_ns": None,
        "original": None,
    }
    return windows.Request(**{**fields, **changes})


def make_imported_request(i: int, **changes: Any) -> windows.Request:
    """A success whose source knows two durations and nothing else."""
    nothing: dict[str, Any] = {
        "slot": None,
        "sent_ns": None,
        "headers_ns": None,
        "done_ns": None,
        "connection": windows.Connection(reused=None, dns_ns=None, tcp_ns=None, tls_ns=None),
        "chunk_ns": [],
        "chunk_lag_ns": None,
        "chunk_kind": "",
        "chunk_chars": [],
        "text": None,
        "status": None,
        "finish": None,
        "ttft_ns": 300 * MS,
        "e2e_ns": 900 * MS,
        "original": "{}",
    }
    return make_request(i, **{**nothing, **changes})


def make_header(**changes: Any) -> windows.Header:
    """A measured header of the claim's first window."""
    fields: dict[str, Any] = {
        "kind": "window",
        "schema_version": 1,
        "origin": "measured",
        "tool": windows.Tool(name="fairlead", version="0.1.0", commit=None, source_sha256=None),
        "provider": "acme",
        "endpoint": "main",
        "model": "llama-3-70b",
        "api_model": "llama-3-70b-instruct",
        "dialect": "openai-chat",
        "http": "1.1",
        "address": "203.0.113.7",
        "vantage": "north-1",
        "round": None,
        "role": "subject",
        "registration_sha256": None,
        "seed": "ab" * 32,
        "plan_index": None,
        "methodology": None,
        "workload": windows.Workload(id="chat", sha256="1" * 64),
        "tokenizer_sha256": None,
        "load": windows.Load(
            kind="closed",
            concurrency=2,
            rate_per_s=None,
            arrivals=None,
            planned=4,
            ramp_ns=0,
            connect_timeout_ns=1000 * MS,
            first_timeout_ns=10 * S,
            total_timeout_ns=60 * S,
        ),
        "clock": windows.WindowClock(
            start_unix_ns=unix_ns("2026-03-05T10:00:00Z"),
            basis="measured",
            origin_mono_ns=5 * S,
            duration_ns=S,
            max_step_ns=0,
        ),
        "machine": windows.Machine(cpu="Example", cores=2, kernel="6.1", python="3.11.7", affinity=[0, 1]),
        "stamps": "kernel",
        "calibration": windows.Calibration(before=None, after=None),
    }
    return windows.Header(**{**fields, **changes})


def make_report(header: windows.Header) -> reports.Report:
    """A calibration at the load of a window, with errors of at most 0.4 ms."""
    errors = [-1000, 0, 1000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000, 300_000, 400_000]
    return reports.Report(
        kind="calibration",
        schema_version=1,
        taken_unix_ns=unix_ns("2026-03-05T09:55:00Z"),
        tool=header.tool,
        machine=header.machine,
        stamps="kernel",
        load=header.load,
        profile=ReferenceProfile(),
        setting=reports.Setting(
            client_cores=[0], reference_cores=[1], shared_core=False, siblings=False, tls=True
        ),
        planned=1000,
        tokens=1000,
        missing=0,
        failed=0,
        levels=list(reports.LEVELS),
        errors=reports.Errors(
            token_error_ns=errors,
            user_token_error_ns=errors,
            ttft_error_ns=errors,
            icl_error_ns=errors,
            lag_ns=errors,
            pooled_icl_p99_error_ns=1000,
            throughput_error_ppm=100,
        ),
        reference=reports.Reference(late_ns=errors, held_up=0),
        cost=reports.Cost(cpu_ns=9_000_000, waited_ns=None),
    )


def at_time(header: windows.Header, text: str, **changes: Any) -> windows.Header:
    clock = msgspec.structs.replace(header.clock, start_unix_ns=unix_ns(text))
    return msgspec.structs.replace(header, clock=clock, **changes)


# -- the root ------------------------------------------------------------------------------------


def build_root(root: Path) -> Path:
    """Write the whole root. Everything in it passes every check at :data:`NOW`."""
    for path, text in FILES.items():
        write(root, path, text)
    method = digest_of(root, METHODOLOGY)
    write(root, "methodology/versions.yaml", _versions(method))
    put_vote(root)
    methodology = windows.Methodology(version="1.0.0", sha256=method)
    write(root, f"{CLAIM}/registration.yaml", _registration(method))
    registration = digest_of(root, f"{CLAIM}/registration.yaml")
    header = make_header(methodology=methodology)
    report = make_report(header)
    calibration = reports.encode_report(report)
    certificate = reports.summary(report, windows.digest(calibration))
    write(root, f"{CLAIM}/calibrations/{certificate.sha256}.json.gz", calibration)
    claimed = msgspec.structs.replace(
        header,
        registration_sha256=registration,
        calibration=windows.Calibration(before=certificate, after=None),
    )
    requests = [make_request(i) for i in range(4)]
    for index, start in enumerate(("2026-03-05T10:00:00Z", "2026-03-05T16:00:00Z")):
        seed = window_seed("ab" * 32, index, 0)
        put_window(root, CLAIM, at_time(claimed, start, plan_index=index, seed=seed), requests)
    write(root, f"{CLAIM}/submission.yaml", _submission(registration))
    put_window(root, ROUNDS, at_time(header, "2026-03-08T10:00:00Z", round="r-1"), requests)
    write(root, f"{ROUNDS}/rounds.yaml", _neutral(method, "model: llama-3-70b\n"))
    put_window(root, RERUN, at_time(header, "2026-03-10T12:00:05Z", round="r-1"), requests)
    rerun = "started: 2026-03-10T12:00:00Z\nstarted_by:\n  login: ada-example\n  id: 201\n"
    write(root, f"{RERUN}/rerun.yaml", _neutral(method, rerun))
    _build_import(root, header)
    for folder in (CLAIM, ROUNDS, RERUN, IMPORTED):
        reseal(root, folder)
    return root


def _build_import(root: Path, header: windows.Header) -> None:
    clock = windows.WindowClock(
        start_unix_ns=unix_ns("2023-12-21T10:00:00Z"),
        basis="file_timestamp",
        origin_mono_ns=None,
        duration_ns=None,
        max_step_ns=None,
    )
    imported = msgspec.structs.replace(
        header,
        origin="imported",
        tool=windows.Tool(name="llmperf", version="2023", commit=None, source_sha256=None),
        address=None,
        vantage=None,
        seed=None,
        methodology=None,
        workload=None,
        machine=None,
        stamps="durations",
        clock=clock,
    )
    error = windows.ErrorDetail(code="429", message="too many requests")
    failed = make_imported_request(
        3, outcome=windows.Outcome.RATE_LIMITED, status=429, error=error, ttft_ns=None, e2e_ns=None
    )
    put_window(root, IMPORTED, imported, [*(make_imported_request(i) for i in range(3)), failed])
    write(root, f"{IMPORTED}/submission.yaml", _submission(None))


def put_vote(root: Path) -> None:
    """Write the first method's vote: opened by the files as they are, with a yes of each delegate."""
    loaded, _ = repository.load_repository(root)
    register = governance.register_of(loaded)
    assert register is not None
    name = PROPOSAL.rpartition("/")[2]
    ballot = governance.open_vote(
        register,
        loaded.proposals[name],
        "major",
        text_sha256=governance.text_digest(loaded, name),
        opens=dt.datetime(2026, 1, 16, tzinfo=dt.UTC),
    )
    votes = tuple(
        model.BallotVote(
            github=elector.github,
            vote="yes",
            at=dt.datetime(2026, 1, 20, tzinfo=dt.UTC),
            edited_at=None,
            proposal_sha256=ballot.proposal_sha256,
            url=f"https://forge.example/reviews/{elector.github.id}",
        )
        for elector in ballot.electorate
    )
    write_ballot(root, PROPOSAL, replace(ballot, ballots=votes))


@functools.cache
def vote_text() -> str:
    """The record of the first method's vote, as the root holds it."""
    with tempfile.TemporaryDirectory() as folder:
        return (build_root(Path(folder)) / PROPOSAL / "ballot.yaml").read_text()


def write_ballot(root: Path, proposal: str, ballot: model.Ballot) -> None:
    """Write the record of a vote into a proposal's folder."""
    data = msgspec.to_builtins(ballot)
    write(root, f"{proposal}/ballot.yaml", repository.canonical_text("ballot", data))


def _versions(sha256: str) -> str:
    return f"""\
schema_version: 1
versions:
  - version: 1.0.0
    state: ratified
    sha256: {sha256}
    ratified_by: 0001-first-method
    date: 2026-02-02
    changes: The first text.
"""


def _registration(sha256: str) -> str:
    return f"""\
schema_version: 1
registered: 2026-03-04T09:00:00Z
by:
  login: ben-example
  id: 202
methodology:
  version: 1.0.0
  sha256: {sha256}
vantage: north-1
seed: {"ab" * 32}
deadline: 2026-03-12
windows:
  - endpoint: main
    model: llama-3-70b
    scenario: chat-c2
    not_before: 2026-03-05T10:00:00Z
  - endpoint: main
    model: llama-3-70b
    scenario: chat-c2
    not_before: 2026-03-05T16:00:00Z
notes: null
"""


def _submission(registration: str | None) -> str:
    claims = """\
claims:
  - endpoint: main
    model: llama-3-70b
    scenario: chat-c2
    metric: ttft_p50_ms
    value: 100
    primary: true
"""
    return f"""\
schema_version: 1
title: Llama 3 70B in the north
origin: {"imported" if registration is None else "measured"}
submitted: 2026-03-06
by:
  login: ben-example
  id: 202
registration_sha256: {registration or "null"}
disclosures:
  accelerator: null
  accelerator_count: null
  precision: null
  region: north
  prompt_cache: none
  capacity: null
{claims if registration else "claims: []"}
windows: []
calibrations: []
corrects: null
notes: null
""".replace("\n\n", "\n")


def _neutral(sha256: str, about: str) -> str:
    return f"""\
schema_version: 1
methodology:
  version: 1.0.0
  sha256: {sha256}
vantage: north-1
{about}windows: []
calibrations: []
notes: null
"""


def draft_version(root: Path) -> str:
    """Add the draft of a next methodology version, which nothing rests on; the path of its numbers."""
    text = (root / METHODOLOGY).read_text().replace("version: 1.0.0", "version: 1.1.0")
    entry = (
        "  - version: 1.1.0\n    state: draft\n    sha256: null\n    ratified_by: null\n    date: null\n"
        "    changes: The next text.\n"
    )
    append(root, "methodology/versions.yaml", entry)
    write(root, "methodology/versions/1.1.0/methodology.md", "# The next method\n")
    write(root, "methodology/versions/1.1.0/methodology.yaml", text)
    return "methodology/versions/1.1.0/methodology.yaml"


def next_registration(root: Path) -> str:
    """Add a registration whose run is yet to come, which no window rests on; its path."""
    path = "submissions/acme/2026-03-30-next/registration.yaml"
    text = (root / f"{CLAIM}/registration.yaml").read_text()
    write(root, path, text[: text.rindex("  - endpoint")] + "notes: null\n")
    return path


# -- changing it ---------------------------------------------------------------------------------


def add_event(root: Path, folder: str, kind: str, at: str, **changes: Any) -> None:
    """Add an event at the end of a folder's history, which is made at need."""
    path = root / folder / "history.yaml"
    data: Any = {"schema_version": 1, "events": []}
    if path.exists():
        data = data_of(path.read_text())
    data["events"].append(make_event(kind, at, **changes))
    write(root, f"{folder}/history.yaml", canonical_text("history", data))


def data_of(text: str) -> Any:
    """What a YAML file says."""
    document, _ = parse(text.encode(), "x.yaml")
    assert document is not None
    return document.data


def make_event(kind: str, at: str, **changes: Any) -> dict[str, Any]:
    """An event of Ada's with only its kind's own parts; ``case`` and ``approvals`` in short."""
    case, approvals = changes.pop("case", {}), changes.pop("approvals", ())
    return {
        "kind": kind,
        "at": at,
        "by": {"login": "ada-example", "id": 201},
        "reason": "As was said.",
        "link": None,
        "dispute": 1 if kind in ("disputed", "answered", "suspended", "upheld", "dismissed") else None,
        "approvals": [{"login": f"person-{number}", "id": number} for number in approvals],
        "superseded_by": None,
        "case": make_case(**case) if kind == "disputed" else None,
        **changes,
    }


def make_case(**changes: Any) -> dict[str, Any]:
    """What a dispute of everything in a folder rests on."""
    return {
        "rule": "WIN012",
        "row": None,
        "evidence": ["https://example.org/analysis"],
        "figure": None,
        "interests": [],
        **changes,
    }


PANEL = (301, 302, 303)


def seat(root: Path, *numbers: int, roles: tuple[str, ...] = ("panelist",)) -> None:
    """Seat members under these GitHub ids, each of an institute of its own; without any, the whole
    :data:`PANEL`."""
    text = FILES[f"{GOVERNANCE}/members/ada.yaml"]
    for number in numbers or PANEL:
        institute = f"id: institute-{number}\n    name: Institute {number}\n    kind: academic"
        append(
            root,
            f"{GOVERNANCE}/organisations.yaml",
            f"  - {institute}\n    owners: []\n    notes: null\n",
        )
        new = text.replace("ada-example", f"person-{number}").replace("id: 201", f"id: {number}")
        new = new.replace("delegate_of: example-university", "delegate_of: null")
        new = new.replace("example-university", f"institute-{number}")
        new = new.replace("  - voter\n  - maintainer\n", "".join(f"  - {role}\n" for role in roles))
        write(root, f"{GOVERNANCE}/members/person-{number}.yaml", new)


def correct(root: Path) -> str:
    """Add a submission that corrects the claim, as an import that nothing else rests on; its id."""
    folder = "submissions/acme/2026-03-20-corrected"
    shutil.copytree(root / IMPORTED, root / folder)
    edit(root, f"{folder}/submission.yaml", "corrects: null", "corrects: 2026-03-04-llama")
    return folder.rpartition("/")[2]


STORE = "https://raw.example.org/board"  # what an archived root says; what it says is beside it


def archive_folder(root: Path, folder: str) -> Path:
    """Move a folder's raw files to a store beside the root, which the root names by another address."""
    place = root.parent / "store"
    place.mkdir(exist_ok=True)
    found = repository.load_repository(root)[0]
    (manifest,) = (each for each in found.manifests() if each.folder == folder)
    assert isinstance(archive.move(found, manifest, Store(place.as_uri())), archive.Moved)
    edit(root, repository.ARCHIVE_PATH, place.as_uri(), STORE)
    return place


def fetching(root: Path) -> archive.Fetch:
    """How what :func:`archive_folder` moved is had, with the address that the root names in the words."""
    place = (root.parent / "store").as_uri()

    def fetch(stores: Sequence[str], files: Mapping[str, model.RawFile]) -> dict[str, archive.Fault]:
        assert list(stores) == [STORE]
        found = archive.fetch([place], files, root.parent / "fetched")
        return {
            path: fault._replace(message=fault.message.replace(place, STORE)) for path, fault in found.items()
        }

    return fetch


def object_of(root: Path, path: str) -> Path:
    """The object of an archived file in the store beside the root."""
    listed = repository.load_repository(root)[0].archived[path]
    return root.parent / "store" / archive.object_path(listed.sha256)


def write(root: Path, path: str, data: str | bytes) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data.encode() if isinstance(data, str) else data)


def edit(root: Path, path: str, old: str, new: str) -> None:
    """Replace the one place where ``old`` stands."""
    text = (root / path).read_text()
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
    write(root, path, text.replace(old, new))


def append(root: Path, path: str, text: str) -> None:
    write(root, path, (root / path).read_text() + text)


def digest_of(root: Path, path: str) -> str:
    return hashlib.sha256((root / path).read_bytes()).hexdigest()


def put_window(root: Path, folder: str, header: windows.Header, requests: list[windows.Request]) -> str:
    """Write a window under the name that its header gives, and return its path."""
    name = window_file_name(header.clock.start_unix_ns, header.model, "chat-c2", header.role)
    path = f"{folder}/windows/{name}"
    write(root, path, windows.encode_window(header, requests))
    return path


def window_of(root: Path, folder: str, index: int = 0) -> str:
    found = sorted((root / folder / "windows").iterdir())
    return found[index].relative_to(root).as_posix()


def change_header(root: Path, folder: str, **changes: Any) -> None:
    """Change the header of a folder's first window, and seal it again."""
    path = window_of(root, folder)
    window = windows.decode_window((root / path).read_bytes())
    header = msgspec.structs.replace(window.header, **changes)
    write(root, path, windows.encode_window(header, window.requests))
    reseal(root, folder)


@functools.cache
def tokenizer() -> tokens.Pinned:
    """The tokenizer that :func:`count` pins."""
    data = byte_level()
    return tokens.Pinned(Tokenizer.from_buffer(data), hashlib.sha256(data).hexdigest())


def count(root: Path, folder: str) -> None:
    """Pin a tokenizer for the first model, count a folder's windows with it, and seal them again."""
    pin = (
        f"tokenizer:\n      source: https://example.org/tokenizer.json\n      sha256: {tokenizer().sha256}\n"
    )
    path = root / "methodology/models.yaml"
    path.write_text(path.read_text().replace("tokenizer: null\n", pin, 1))
    for file in sorted((root / folder / "windows").iterdir()):
        counted = tokens.count(windows.decode_window(file.read_bytes()), tokenizer())
        file.write_bytes(windows.encode_window(counted.header, counted.requests))
    reseal(root, folder)


def change_request(root: Path, folder: str, i: int, **changes: Any) -> None:
    """Change one request of a folder's first window, and seal it again."""
    change_requests(
        root, folder, lambda found: found.__setitem__(i, msgspec.structs.replace(found[i], **changes))
    )


def change_requests(root: Path, folder: str, change: Callable[[list[windows.Request]], None]) -> None:
    path = window_of(root, folder)
    window = windows.decode_window((root / path).read_bytes())
    change(window.requests)
    write(root, path, windows.encode_window(window.header, window.requests))
    reseal(root, folder)


def stamped_request(i: int, rng: random.Random, gaps_ns: Sequence[int], **changes: Any) -> windows.Request:
    """A success with chunks at these gaps, its other stamps at odd nanoseconds and its text its own."""
    sent = i * 400 * MS + rng.randrange(MS)
    first = changes.pop("ttft_ns", 90 * MS) + sent + rng.randrange(MS)
    count = len(gaps_ns) + 1
    text = "".join(rng.choice("abcdefgh") for _ in range(4 * count))
    return make_request(
        i,
        sent_ns=sent,
        headers_ns=first - rng.randrange(1000, MS),
        done_ns=first + sum(gaps_ns) + rng.randrange(1000, MS),
        chunk_ns=[first, *gaps_ns],
        chunk_lag_ns=[1000] * count,
        chunk_kind=f"t{count}",
        chunk_chars=[4] * count,
        **{"text": text, **changes},
    )


def odd_gaps(rng: random.Random, count: int, median_ns: int = 2 * MS) -> list[int]:
    """Gaps between chunks as a network makes them."""
    return [int(median_ns * rng.lognormvariate(0, 0.3)) for _ in range(count)]


def plan_claim(root: Path, starts: Sequence[str], requests: Sequence[Sequence[windows.Request]]) -> None:
    """Register a window at each of these times, and measure it so; an empty one is left out."""
    folder = root / CLAIM / "windows"
    paths = sorted(folder.iterdir())
    header = windows.decode_window(paths[0].read_bytes()).header
    for path in paths:
        path.unlink()
    registration = root / CLAIM / "registration.yaml"
    head, _, rest = registration.read_text().partition("windows:\n")
    entries = "".join(
        f"  - endpoint: main\n    model: llama-3-70b\n    scenario: chat-c2\n    not_before: {start}\n"
        for start in starts
    )
    registration.write_text(f"{head}windows:\n{entries}notes{rest.partition('notes')[2]}")
    edit(
        root, f"{CLAIM}/submission.yaml", str(header.registration_sha256), digest_of(root, registration_of())
    )
    for index, (start, made) in enumerate(zip(starts, requests, strict=True)):
        if made:
            seed = window_seed("ab" * 32, index, 0)
            own = at_time(header, start, plan_index=index, seed=seed)
            own = msgspec.structs.replace(own, registration_sha256=digest_of(root, registration_of()))
            put_window(root, CLAIM, own, list(made))
    reseal(root, CLAIM)


def registration_of() -> str:
    return f"{CLAIM}/registration.yaml"


def change_bytes(root: Path, folder: str, change: Callable[[bytes], bytes]) -> None:
    """Change the text inside a folder's first window, and seal it again."""
    path = window_of(root, folder)
    text = gzip.decompress((root / path).read_bytes())
    write(root, path, gzip.compress(change(text), mtime=0))
    reseal(root, folder)


def replace_raw(root: Path, folder: str, data: bytes) -> None:
    """Put other bytes in place of a folder's first window, and seal it again."""
    write(root, window_of(root, folder), data)
    reseal(root, folder)


def reseal(root: Path, folder: str) -> None:
    """Make the manifest of a folder list the raw files that are there."""
    names = ("submission.yaml", "rounds.yaml", "rerun.yaml")
    manifest = next(f"{folder}/{name}" for name in names if (root / folder / name).exists())
    text = (root / manifest).read_text()
    for key in ("windows", "calibrations"):
        raw = sorted((root / folder / key).glob("*.gz"))
        entries = "".join(
            f"  - file: {key}/{file.name}\n"
            f"    sha256: {hashlib.sha256(file.read_bytes()).hexdigest()}\n"
            f"    bytes: {file.stat().st_size}\n"
            for file in raw
        )
        stated = rf"(?m)^{key}:( \[\])?\n((  .*\n)*)"
        text = re.sub(stated, f"{key}:\n{entries}" if entries else f"{key}: []\n", text)
    write(root, manifest, text)


# -- git -----------------------------------------------------------------------------------------

_AUTHOR: Mapping[str, str] = {
    "GIT_AUTHOR_NAME": "Ada Example",
    "GIT_AUTHOR_EMAIL": "ada@example.invalid",
    "GIT_COMMITTER_NAME": "Ada Example",
    "GIT_COMMITTER_EMAIL": "ada@example.invalid",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}


def git(folder: Path, *arguments: str, at: str | None = None) -> str:
    """Run git in a folder, without any configuration of the machine's; ``at`` is what its clock shows."""
    command = ["git", "-c", "init.defaultBranch=main", "-C", str(folder), *arguments]
    clock = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at} if at is not None else {}
    environment = {**_AUTHOR, **clock, "PATH": os.environ["PATH"]}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def commit(folder: Path, message: str = "state", at: str | None = None) -> str:
    """Commit everything in a folder; the commit's name.

    A new repository gets its proposals first, then its plans on the day they were made, and only then what
    was measured by them.
    """
    if not (folder / ".git").exists():
        found(folder)
        if any(folder.rglob("registration.yaml")):
            git(folder, "add", "--all", "--force", "--", ".", *RESULTS)
            git(folder, "commit", "--quiet", "--message", "plans", at=REGISTERED)
            at = at or DELIVERED
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message, at=at)
    return git(folder, "rev-parse", "HEAD").strip()


def found(folder: Path, *options: str) -> None:
    """Put a folder under git, with its proposals alone, as long ago as they were opened for comment."""
    git(folder, "init", "--quiet", *options)
    proposals = [str(path.relative_to(folder)) for path in sorted(folder.rglob("methodology/proposals"))]
    if proposals:
        git(folder, "add", "--force", "--", *proposals)
        git(folder, "commit", "--quiet", "--message", "proposals", at=PROPOSED)


def start_claim(root: Path) -> dict[str, bytes]:
    """Commit the root on main without the claim, and write its plan in a branch; the results left out."""
    claim = {path: path.read_bytes() for path in sorted((root / CLAIM).rglob("*")) if path.is_file()}
    for path in claim:
        path.unlink()
    commit(root, "before", at=REGISTERED)
    git(root, "switch", "--quiet", "--create", "change")
    files = {path.relative_to(root).as_posix(): data for path, data in claim.items()}
    plan = f"{CLAIM}/registration.yaml"
    write(root, plan, files.pop(plan))
    return {path: data for path, data in files.items() if "/reruns/" not in path}


def deliver(root: Path, results: Mapping[str, bytes]) -> None:
    for path, data in results.items():
        write(root, path, data)


PROPOSED = "2025-11-01T00:00:00Z"
REGISTERED = "2026-03-04T09:30:00Z"
DELIVERED = "2026-03-20T10:00:00Z"
RESULTS = (":(exclude,glob)**/windows/**", ":(exclude,glob)**/submission.yaml")


def put_snapshot(root: Path, quarter: str = "2026-Q1", commit: str | None = None, **files: bytes) -> None:
    """A frozen quarter with one row; ``files`` replace ``data``, ``table`` or ``sums``."""
    from fairlead import snapshots

    end = snapshots.quarter_end(quarter)
    assert end is not None
    row = {
        "id": "llama-3-70b/chat-c1/north-1/acme/main/neutral/1.0.0",
        "model": "llama-3-70b",
        "provider": "acme",
        "endpoint": "main",
        "scenario": "chat-c1",
        "vantage": "north-1",
        "methodology": "1.0.0",
        "origin": "neutral",
        "unranked": [],
        "figures": {"ttft_p50_ms": {"value": 180.5, "low": 170.0, "high": 190.0, "n": 240}},
        "ranks": {"ttft_p50_ms": {"best": 1, "worst": 2, "of": 3}},
        "folders": ["acme/2026-03-04-llama"],
    }
    data = {
        "generated_at": f"{end:%Y-%m-%dT%H:%M:%SZ}",
        "commit": commit or git(root, "rev-parse", "HEAD").strip(),
        "quarter": quarter,
        "methodology": [{"version": "1.0.0", "state": "ratified", "sha256": "0" * 64}],
        "rows": [row],
    }
    found = {
        snapshots.DATA: files.get("data", msgspec.json.encode(data)),
        snapshots.TABLE: files.get("table", b'"row","value"\r\n"a",-1.5\r\n'),
    }
    for name, text in {**found, snapshots.SUMS: snapshots.sums_text(found).encode()}.items():
        write(
            root,
            f"{snapshots.FOLDER}/{quarter}/{name}",
            files.get("sums", text) if name == snapshots.SUMS else text,
        )
