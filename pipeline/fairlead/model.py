"""What the committed files say, as frozen values. Knows no file, no text form and no rule.

One struct a file kind, with the fields of its JSON Schema in the same order; parts that several
kinds share come first. ``msgspec.convert`` turns data that passed its schema into these. ``None``
means *not disclosed*, and is shown as such. The path is the id, so no struct of a file repeats it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from typing import Literal

import msgspec

Date = dt.date


class _Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A frozen value: every key is stated, but for a limit that older versions of the method know not."""


# -- parts ---------------------------------------------------------------------------------------


class GitHub(_Value, frozen=True):
    """A GitHub account. The numeric ``id`` counts; the login is for people to read."""

    login: str
    id: int


class RawFile(_Value, frozen=True):
    """A raw file under a submission's folder, and what it must be."""

    file: str
    sha256: str
    bytes: int


class MethodologyRef(_Value, frozen=True):
    """A methodology version and the digest of its methodology.yaml."""

    version: str
    sha256: str


class Interest(_Value, frozen=True):
    """A tie between the party that states it and an organisation."""

    kind: Literal["employment", "equity", "ownership", "contract", "credits", "operation", "other"]
    party: str
    amount_band: Literal["none", "up-to-1000-usd", "over-1000-usd"] | None
    from_: Date | None = msgspec.field(name="from")
    until: Date | None
    source: str
    notes: str | None


# -- providers -----------------------------------------------------------------------------------


class Contact(_Value, frozen=True):
    """Somebody who may register and submit for a provider."""

    name: str
    github: GitHub


class Permission(_Value, frozen=True):
    """A provider's recorded word on publishing benchmarks of its service."""

    granted: bool
    source: str
    date: Date


class Price(_Value, frozen=True):
    """A price and the days it held; US dollars per million tokens.

    Without ``until`` it holds until the next one of the list begins.
    """

    from_: Date = msgspec.field(name="from")
    until: Date | None
    input_usd_per_mtok: float
    cached_input_usd_per_mtok: float | None
    output_usd_per_mtok: float
    source: str
    retrieved: Date


class ServedModel(_Value, frozen=True):
    """A model as one endpoint serves it."""

    model: str
    api_model: str
    accelerator: str | None
    accelerator_count: int | None
    precision: str | None
    context_tokens: int | None
    prompt_cache: Literal["none", "prefix", "response"] | None
    prices: tuple[Price, ...]


class Endpoint(_Value, frozen=True):
    """An address that serves models in one dialect, over one version of HTTP."""

    id: str
    base_url: str | None
    dialect: str
    http: Literal["1.1", "2"]
    region: str | None
    models: tuple[ServedModel, ...]


class Provider(_Value, frozen=True):
    """providers/<id>.yaml"""

    schema_version: int
    name: str
    status: Literal["active", "historical", "reference", "withdrawn"]
    organisation: str | None
    website: str | None
    contacts: tuple[Contact, ...]
    benchmark_permission: Permission | None
    endpoints: tuple[Endpoint, ...]
    interests: tuple[Interest, ...]
    notes: str | None


# -- methodology ---------------------------------------------------------------------------------


class Tokenizer(_Value, frozen=True):
    """A tokenizer file, pinned by digest."""

    source: str
    sha256: str


class Model(_Value, frozen=True):
    """A canonical model."""

    id: str
    name: str
    developer: str
    tokenizer: Tokenizer | None
    notes: str | None


class Models(_Value, frozen=True):
    """methodology/models.yaml"""

    schema_version: int
    models: tuple[Model, ...]


class Vantage(_Value, frozen=True):
    """A fixed place that measurements are made from."""

    id: str
    name: str
    region: str | None
    network: str | None
    operator: str | None
    notes: str | None


class Vantages(_Value, frozen=True):
    """methodology/vantages.yaml"""

    schema_version: int
    vantages: tuple[Vantage, ...]


class Version(_Value, frozen=True):
    """The state of one methodology version."""

    version: str
    state: Literal["draft", "candidate", "ratified", "superseded"]
    sha256: str | None
    ratified_by: str | None
    date: Date | None
    changes: str


class Versions(_Value, frozen=True):
    """methodology/versions.yaml"""

    schema_version: int
    versions: tuple[Version, ...]


class Workload(_Value, frozen=True):
    """What is asked: the kind of prompt, the length of its material in words, the tokens asked for."""

    id: str
    kind: Literal["chat", "long-context", "code", "extraction", "probes", "chat-repeats"]
    input_words: int
    output_tokens_max: int


class Scenario(_Value, frozen=True):
    """How a workload is sent: a closed loop at a concurrency or an open loop at a rate."""

    id: str
    workload: str
    kind: Literal["closed", "open"]
    concurrency: int | None
    rate_per_s: float | None
    arrivals: Literal["poisson", "constant"] | None
    requests: int
    ramp_ms: int


class WindowRules(_Value, frozen=True):
    """When a window is large enough to give a throughput figure."""

    requests_min: int
    requests_per_stream_min: int
    steady_e2e_medians_min: float


class Timeouts(_Value, frozen=True):
    """The time limits. A time-out defines failure, so it is part of the method."""

    connect_ms: int
    first_chunk_ms: int
    total_ms: int


class Limits(_Value, frozen=True):
    """Beyond these a window is invalid or a request gets a finding."""

    schedule_delay_p99_ms: float
    clock_step_ms: float
    token_disagreement_share: float
    output_length_min_share: float
    stutter_gap_ms: float
    invalid_windows_share: float
    lag_p99_ms: float | None = None  # of our own client within the window; None: no such limit


class CalibrationRules(_Value, frozen=True):
    """What a calibration certificate must hold for its window to be valid."""

    required: bool
    token_error_p99_ms: float
    ttft_error_p99_ms: float
    lag_p99_ms: float | None = None  # None: no such limit


class QuantileWindows(_Value, frozen=True):
    """The fewest windows that a quantile from this level on is given from."""

    q: float
    windows: int


class IntervalLimits(_Value, frozen=True):
    """How an interval is made from windows."""

    stratum_windows_min: int
    quantile_windows_min: tuple[QuantileWindows, ...]
    failure_correlation: float
    failure_correlation_windows: int


class StatisticsRules(_Value, frozen=True):
    """How sure an interval and a comparison must be. ``intervals``: None in early drafts only."""

    confidence: float
    family_error: float
    rounds_min: int
    intervals: IntervalLimits | None = None


class TimeLimits(_Value, frozen=True):
    """From how many days on a drift is judged, and over how many of the last at most."""

    drift_days_min: int
    drift_days_max: int


class FidelityLimits(_Value, frozen=True):
    """When wrong answers are a finding."""

    providers_min: int
    windows_min: int


class SmoothnessLimits(_Value, frozen=True):
    """When the way in which chunks came is worth saying; see :class:`fairlead.smoothness.SmoothRules`."""

    replies_min: int
    replies_share_min: float
    reads_min: int
    bundle_tokens_min: float
    same_read_share_min: float
    opening_reads_min: float
    early_gap_paces_min: float
    steady_spread_max: float
    steady_wait_share_min: float


class IntegrityLimits(_Value, frozen=True):
    """When raw requests are a finding; see :class:`fairlead.integrity.IntegrityRules`."""

    false_alarm_share: float
    copied_gap_ns: int
    copied_gaps_min: int
    similar_gaps_min: int
    similar_gaps_max: int
    similar_correlation_min: float
    stamp_grid_ns: int
    stamps_min: int
    digits_off_min: float
    wire_slack_ms: float
    idle_ms: float
    cached_share_max: float
    repeated_chars_min: int
    client_load_max: float


class RankingRules(_Value, frozen=True):
    """What is ranked, and what is listed without a rank."""

    metrics: tuple[str, ...]
    success_rate_min: float
    stale_badge_days: int
    stale_unranked_days: int


class StoppingRules(_Value, frozen=True):
    """When a rerun has seen enough.

    ``looks``: after how many windows it is looked at, rising; ``error_share``: how often each wrong
    verdict may come over all of them; ``hours_min``: from so many hours of the day on. The control is used
    from ``control_rounds_min`` rounds on, where ``control_windows_min`` before say what it usually is, and
    ``control_level_share``: at this share of a look's level, since the shorter of two intervals is taken.
    """

    looks: tuple[int, ...]
    error_share: float
    hours_min: int
    control_rounds_min: int
    control_windows_min: int
    control_level_share: float


class VerdictRules(_Value, frozen=True):
    """The margins a claim must hold within. ``stopping``: None in early drafts only."""

    latency_margin_share: float
    throughput_margin_share: float
    success_margin_share: float
    stopping: StoppingRules | None = None


class Methodology(_Value, frozen=True, kw_only=True):
    """methodology/versions/<version>/methodology.yaml: every number the board works by."""

    schema_version: int
    version: str
    title: str
    day_seconds: int
    workloads: tuple[Workload, ...]
    scenarios: tuple[Scenario, ...]
    control: str | None
    window: WindowRules
    timeouts: Timeouts
    limits: Limits
    calibration: CalibrationRules
    statistics: StatisticsRules
    time: TimeLimits | None = None  # None, and the three after it, in early drafts only
    fidelity: FidelityLimits | None = None
    smoothness: SmoothnessLimits | None = None
    integrity: IntegrityLimits | None = None
    ranking: RankingRules
    verdict: VerdictRules
    notes: str | None


# -- submissions ---------------------------------------------------------------------------------


class PlannedWindow(_Value, frozen=True):
    """One window of a plan."""

    endpoint: str
    model: str
    scenario: str
    not_before: dt.datetime


class Registration(_Value, frozen=True):
    """submissions/<provider>/<submission>/registration.yaml"""

    schema_version: int
    registered: dt.datetime
    by: GitHub | None
    methodology: MethodologyRef
    vantage: str
    seed: str
    deadline: Date
    windows: tuple[PlannedWindow, ...]
    notes: str | None


class Disclosures(_Value, frozen=True):
    """What the submitter says of the system that was measured."""

    accelerator: str | None
    accelerator_count: int | None
    precision: str | None
    region: str | None
    prompt_cache: Literal["none", "prefix", "response"] | None
    capacity: str | None


class Claim(_Value, frozen=True):
    """A claimed figure, in the unit its metric's name ends with."""

    endpoint: str
    model: str
    scenario: str
    metric: str
    value: float
    primary: bool


class Submission(_Value, frozen=True):
    """submissions/<provider>/<submission>/submission.yaml"""

    schema_version: int
    title: str
    origin: Literal["measured", "imported"]
    submitted: Date
    by: GitHub | None
    registration_sha256: str | None
    disclosures: Disclosures
    claims: tuple[Claim, ...]
    windows: tuple[RawFile, ...]
    calibrations: tuple[RawFile, ...]
    corrects: str | None
    notes: str | None


class Rounds(_Value, frozen=True):
    """submissions/neutral/<yyyy-mm>-<vantage>-<model>/rounds.yaml"""

    schema_version: int
    methodology: MethodologyRef
    vantage: str
    model: str
    windows: tuple[RawFile, ...]
    calibrations: tuple[RawFile, ...]
    notes: str | None


class Rerun(_Value, frozen=True):
    """submissions/<provider>/<submission>/reruns/<utc>-<vantage>/rerun.yaml"""

    schema_version: int
    methodology: MethodologyRef
    vantage: str
    started: dt.datetime
    started_by: GitHub
    windows: tuple[RawFile, ...]
    calibrations: tuple[RawFile, ...]
    notes: str | None


class DisputedFigure(_Value, frozen=True):
    """A claimed figure, and the value that the claim's own raw windows are said to give."""

    metric: str
    claimed: float
    recomputed: float


class Case(_Value, frozen=True):
    """What a dispute rests on. ``row``: None for all of the folder; ``interests``: None if not stated."""

    rule: str
    row: str | None
    evidence: tuple[str, ...]
    figure: DisputedFigure | None
    interests: tuple[Interest, ...] | None


class Event(_Value, frozen=True):
    """Something that happened to a submission or to neutral rounds. ``dispute``: its number in the file."""

    kind: Literal[
        "submitted",
        "disputed",
        "answered",
        "suspended",
        "upheld",
        "dismissed",
        "corrected",
        "withdrawn",
        "retracted",
    ]
    at: dt.datetime
    by: GitHub | None
    reason: str
    link: str | None
    dispute: int | None
    approvals: tuple[GitHub, ...]
    superseded_by: str | None
    case: Case | None


class History(_Value, frozen=True):
    """history.yaml of a submission or of neutral rounds: events are only ever added."""

    schema_version: int
    events: tuple[Event, ...]


# -- governance ----------------------------------------------------------------------------------


class ProposalEvent(_Value, frozen=True):
    """A change of a proposal's state."""

    kind: Literal["draft", "comment", "voting", "amended", "accepted", "rejected", "withdrawn", "superseded"]
    at: dt.datetime
    reason: str


class Proposal(_Value, frozen=True):
    """methodology/proposals/<number>-<slug>/proposal.yaml. ``pull``: the pull request it is voted on in."""

    schema_version: int
    title: str
    kind: Literal["methodology", "rules", "charter", "admission", "removal", "editorial"]
    proposer: GitHub
    raised: dt.datetime
    methodology_version: str | None
    named: tuple[str, ...]
    pull: int | None
    events: tuple[ProposalEvent, ...]
    notes: str | None


class Elector(_Value, frozen=True):
    """Somebody who could vote when the vote opened. ``recused``: the rules by which they may not on this."""

    member: str
    github: GitHub
    organisation: str
    group: str
    delegate: bool
    tied: bool
    recused: tuple[str, ...]


class BallotVote(_Value, frozen=True):
    """One ballot as it was cast."""

    github: GitHub
    vote: Literal["yes", "no", "abstain"]
    at: dt.datetime
    edited_at: dt.datetime | None
    proposal_sha256: str
    url: str


class Ballot(_Value, frozen=True):
    """methodology/proposals/<number>-<slug>/ballot.yaml. ``rules``: those in force when the vote opened."""

    schema_version: int
    proposal_sha256: str
    class_: Literal["editorial", "minor", "major"] = msgspec.field(name="class")
    opens: dt.datetime
    closes: dt.datetime
    electorate: tuple[Elector, ...]
    ballots: tuple[BallotVote, ...]
    rules: Rules
    notes: str | None


class Employment(_Value, frozen=True):
    """Who somebody worked for, and when."""

    organisation: str
    from_: Date = msgspec.field(name="from")
    until: Date | None


class Member(_Value, frozen=True):
    """methodology/governance/members/<id>.yaml"""

    schema_version: int
    name: str
    github: GitHub
    roles: tuple[Literal["voter", "steward", "panelist", "maintainer"], ...]
    admitted_by: str | None
    seated: Date
    term_until: Date
    employment: tuple[Employment, ...]
    delegate_of: str | None
    interests: tuple[Interest, ...]
    notes: str | None


class Owner(_Value, frozen=True):
    """Who owns a share of an organisation."""

    organisation: str
    share: float
    from_: Date = msgspec.field(name="from")
    until: Date | None
    source: str


class Organisation(_Value, frozen=True):
    """A company or institution."""

    id: str
    name: str
    kind: Literal[
        "provider", "hardware", "model-developer", "academic", "user", "non-profit", "board", "other"
    ]
    owners: tuple[Owner, ...]
    notes: str | None


class Organisations(_Value, frozen=True):
    """methodology/governance/organisations.yaml"""

    schema_version: int
    organisations: tuple[Organisation, ...]


class FundingEntry(_Value, frozen=True):
    """A gift to the board itself."""

    date: Date
    from_: str = msgspec.field(name="from")
    kind: Literal["money", "credits", "in-kind"]
    amount_usd: float
    purpose: str
    source: str


class Funding(_Value, frozen=True):
    """methodology/governance/funding.yaml"""

    schema_version: int
    entries: tuple[FundingEntry, ...]
    notes: str | None


class Custodian(_Value, frozen=True):
    """Who holds a right over the board itself, and for which organisation. Without ``holder``, a machine."""

    right: Literal["admin", "runner", "keys"]
    holder: GitHub | None
    organisation: str | None
    from_: Date = msgspec.field(name="from")
    until: Date | None
    source: str
    notes: str | None


class Custody(_Value, frozen=True):
    """methodology/governance/custody.yaml"""

    schema_version: int
    custodians: tuple[Custodian, ...]
    notes: str | None


class FoundingRules(_Value, frozen=True):
    """When the state ``founding`` ends, and how members are admitted in it."""

    voters_min: int
    organisations_min: int
    untied_share_min: float
    admission_days: int


class EditorialRules(_Value, frozen=True):
    """How an editorial change passes."""

    hours: int
    approvals_min: int


class MinorRules(_Value, frozen=True):
    """How a minor change passes."""

    vote_days: int
    yes_share_above: float


class MajorRules(_Value, frozen=True):
    """How a major change passes."""

    comment_days: int
    vote_days: int
    yes_share_min_numerator: int
    yes_share_min_denominator: int
    untied_majority: bool
    yes_organisations_min: int


class SeatRules(_Value, frozen=True):
    """How many seats a company group may hold, and how long a job change may take to be put in order."""

    group_max: int
    cure_days: int


class RecusalRules(_Value, frozen=True):
    """How much interest, and how long ago, takes a vote away."""

    amount_usd_above: float
    months: int


class OwnHouseRules(_Value, frozen=True):
    """When the rows of a funder, or of who holds rights over the board, are not ranked."""

    funding_share_above: float
    funding_months: int
    cooling_days: int


class SuspensionRules(_Value, frozen=True):
    """Who may suspend results, and for how long."""

    approvals_min: int
    days_max: int


class DisputeRules(_Value, frozen=True):
    """How disputes run."""

    open_per_person_max: int
    panelists_min: int
    answer_days: int


class NoticeRules(_Value, frozen=True):
    """The notice a provider gets before its first row."""

    first_row_days: int


class ArchiveRules(_Value, frozen=True):
    """When raw files may move to an archive: days after the newest window of their folder began."""

    after_days: int


class Rules(_Value, frozen=True):
    """methodology/governance/rules.yaml: every number that a vote is counted by."""

    schema_version: int
    founding: FoundingRules
    editorial: EditorialRules
    minor: MinorRules
    major: MajorRules
    ballots_min: int
    quorum_numerator: int
    quorum_denominator: int
    group_ownership_above: float
    reopened_max: int
    seats: SeatRules
    recusal: RecusalRules
    own_house: OwnHouseRules
    suspension: SuspensionRules
    disputes: DisputeRules
    notice: NoticeRules
    archive: ArchiveRules
    notes: str | None


class Waiver(_Value, frozen=True):
    """A known exception to a rule, with a reason and an end."""

    rule: str
    path: str
    reason: str
    expires: Date


class Waivers(_Value, frozen=True):
    """methodology/governance/waivers.yaml"""

    schema_version: int
    waivers: tuple[Waiver, ...]


class Archive(_Value, frozen=True):
    """submissions/archive.yaml: the folders whose raw files moved, and the stores that hold them."""

    schema_version: int
    stores: tuple[str, ...]
    folders: tuple[str, ...]
    notes: str | None


# -- names ---------------------------------------------------------------------------------------

_WINDOW_NAME = re.compile(
    r"(?P<start>[0-9]{8}t[0-9]{6}z)-(?P<rest>[a-z0-9-]+)-(?P<role>subject|control|smoke)\.jsonl\.gz"
)


def window_seed(registration_seed: str, plan_index: int, attempt: int) -> str:
    """The seed of a claim's window: sha256 of the registered seed, the window's place in the plan, and, where
    it is measured again, how many of it there were before. So no run sends the prompts of another."""
    place = f"{registration_seed}/{plan_index}"
    return hashlib.sha256((f"{place}/{attempt}" if attempt else place).encode()).hexdigest()


def window_file_name(start_unix_ns: int, model: str, scenario: str, role: str) -> str:
    """The name of a raw window's file: ``<yyyymmdd>t<hhmmss>z-<model>-<scenario>-<role>.jsonl.gz``."""
    start = dt.datetime.fromtimestamp(start_unix_ns // 1_000_000_000, tz=dt.UTC)
    return f"{start:%Y%m%dt%H%M%Sz}-{model}-{scenario}-{role}.jsonl.gz"


def window_start(path: str) -> dt.datetime | None:
    """The whole second in which a window began, by its file's name; None where the name holds none."""
    try:
        return dt.datetime.strptime(path.rpartition("/")[2][:16], "%Y%m%dt%H%M%Sz").replace(tzinfo=dt.UTC)
    except ValueError:
        return None


def scenario_of(file_name: str, model: str) -> str | None:
    """The scenario that a window's file name states, given its header's model; None if it fits not."""
    match = _WINDOW_NAME.fullmatch(file_name.rpartition("/")[2])
    if match is None or not match["rest"].startswith(model + "-"):
        return None
    return match["rest"][len(model) + 1 :]
