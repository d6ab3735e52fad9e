"""What the reference endpoint does with a request, and what it logged. Knows no socket and no time of day.

Everything follows from the profile's seed, the digest of the request's body and how often that body came
before: no matter in which order requests arrive, :func:`script` recomputes what each was to get.
"""

from __future__ import annotations

import hashlib
import math
import random
import statistics
from dataclasses import dataclass
from pathlib import Path

import msgspec

NS_PER_MS = 1_000_000
DEFAULT_MAX_TOKENS = 128


class ReferenceProfile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the reference behaves. Times in ms; a log-sd of 0 is constant, else lognormal around the median.

    ``icl_*``: between chunks. ``output_tokens``: None means the request's own ``max_tokens``.
    ``reasoning_tokens``: so many of them, the first ones, come as ``reasoning_content``. The shares part the
    requests: 429, 500, an error inside the stream, an end without finish; the last two strike half way. A
    stalled request (``stall_share``, of the others) holds one of its chunks, and all after it, back by
    ``stall_ms``.

    Raises:
        ValueError: a value outside its range.
    """

    seed: str = "00"
    model: str = "reference"
    ttft_median_ms: float = 200.0
    ttft_log_sd: float = 0.0
    icl_median_ms: float = 10.0
    icl_log_sd: float = 0.0
    output_tokens: int | None = None
    tokens_per_chunk: int = 1
    reasoning_tokens: int = 0
    role_chunk: bool = True
    usage: bool = True
    rate_limited_share: float = 0.0
    server_error_share: float = 0.0
    stream_error_share: float = 0.0
    truncated_share: float = 0.0
    stall_share: float = 0.0
    stall_ms: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        times = (
            self.ttft_median_ms, self.ttft_log_sd, self.icl_median_ms, self.icl_log_sd, self.stall_ms,
        )  # fmt: skip
        shares = (
            self.rate_limited_share, self.server_error_share, self.stream_error_share, self.truncated_share,
        )  # fmt: skip
        if not all(0 <= time <= 3_600_000 for time in times):
            raise ValueError("times of a profile lie between 0 and an hour")
        if not all(0 <= share <= 1 for share in (*shares, self.stall_share)) or sum(shares) > 1:
            raise ValueError("shares lie between 0 and 1, and those of failures add up to 1 at most")
        if self.tokens_per_chunk < 1 or self.reasoning_tokens < 0:
            raise ValueError("tokens per chunk: at least 1; reasoning tokens: not below 0")
        if self.output_tokens is not None and not 1 <= self.output_tokens <= 1_000_000:
            raise ValueError("output tokens: between 1 and 1,000,000")

    def to_json(self) -> bytes:
        """The profile as a JSON object."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, text: bytes) -> ReferenceProfile:
        """The inverse of :meth:`to_json`. Raises ValueError (msgspec's are) for anything else."""
        return msgspec.json.decode(text, type=cls)


# --- the truth -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Script:
    """What one request gets. ``fate``: ok, rate_limited, server_error, stream_error or truncated.

    ``due_ns``: content chunks, as offsets from the request's arrival. ``tokens``: how many each of them
    holds. Of a stream that fails, only the chunks before the failure.
    """

    fate: str
    due_ns: tuple[int, ...]
    tokens: tuple[int, ...]


WORDS = 1000
"""So many words there are; then they begin again."""


def words(first: int, count: int) -> str:
    """The text of ``count`` tokens of any answer, from its ``first`` on (from 0)."""
    return "".join(f"w{number % WORDS} " for number in range(first, first + count))


_NORMAL = statistics.NormalDist()


def script(profile: ReferenceProfile, body_sha256: str, occurrence: int, max_tokens: int | None) -> Script:
    """The known truth of one request: the ``occurrence``-th (from 0) with a body of that digest."""
    key = f"{profile.seed}/{body_sha256}/{occurrence}".encode()
    rng = random.Random(int.from_bytes(hashlib.sha256(key).digest()))  # noqa: S311  no secret
    fate = _fate(profile, rng.random())
    total = profile.output_tokens or max_tokens or DEFAULT_MAX_TOKENS
    tokens = _chunk_tokens(profile, total)
    stalled = rng.random() < profile.stall_share
    stall_at = int(rng.random() * len(tokens))
    due: list[int] = []
    at_ms = _draw(profile.ttft_median_ms, profile.ttft_log_sd, rng)
    for chunk in range(len(tokens)):
        if chunk:
            at_ms += _draw(profile.icl_median_ms, profile.icl_log_sd, rng)
        if stalled and chunk == stall_at:
            at_ms += profile.stall_ms
        due.append(round(at_ms * NS_PER_MS))
    kept = len(tokens) // 2 if fate in ("stream_error", "truncated") else len(tokens)
    if fate in ("rate_limited", "server_error"):
        kept = 0
    return Script(fate, tuple(due[:kept]), tuple(tokens[:kept]))


def _fate(profile: ReferenceProfile, chance: float) -> str:
    for fate, share in (
        ("rate_limited", profile.rate_limited_share),
        ("server_error", profile.server_error_share),
        ("stream_error", profile.stream_error_share),
        ("truncated", profile.truncated_share),
    ):
        if chance < share:
            return fate
        chance -= share
    return "ok"


def _chunk_tokens(profile: ReferenceProfile, total: int) -> list[int]:
    """Tokens per chunk; a chunk holds reasoning or text, never both."""
    sizes: list[int] = []
    thought = min(profile.reasoning_tokens, total)
    for part in (thought, total - thought):
        whole, rest = divmod(part, profile.tokens_per_chunk)
        sizes += [profile.tokens_per_chunk] * whole + ([rest] if rest else [])
    return sizes


def _draw(median_ms: float, log_sd: float, rng: random.Random) -> float:
    if not log_sd:
        return median_ms
    chance = max(rng.random(), 2.0**-53)
    return median_ms * math.exp(log_sd * _NORMAL.inv_cdf(chance))


class Tricks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an endpoint does besides its profile, that an honest and steady one would not.

    ``early_first_ms``: the first chunk comes so soon after the request, whenever the others do.
    ``known_first_ms``: of a prompt that came before, and with it the whole answer: it was in a cache. From
    ``bad_from_s`` on, for ``bad_for_s``, of every day of ``day_s`` seconds since 1970, requests are refused.
    """

    early_first_ms: float | None = None
    known_first_ms: float | None = None
    day_s: float = 86_400.0
    bad_from_s: float = 0.0
    bad_for_s: float = 0.0

    def is_bad(self, unix_ns: int) -> bool:
        """Whether a moment lies in the bad part of its day."""
        return (unix_ns / 1e9 - self.bad_from_s) % self.day_s < self.bad_for_s

    def play(self, honest: Script, unix_ns: int, occurrence: int) -> Script:
        """What a request gets that arrives at this moment, after so many with the same body."""
        if self.is_bad(unix_ns):
            return Script("rate_limited", (), ())
        due = honest.due_ns
        if due and occurrence and self.known_first_ms is not None:
            sooner = max(due[0] - round(self.known_first_ms * NS_PER_MS), 0)
            due = tuple(at - sooner for at in due)
        if due and self.early_first_ms is not None:
            due = (min(round(self.early_first_ms * NS_PER_MS), due[0]), *due[1:])
        return Script(honest.fate, due, honest.tokens)


# --- the log -------------------------------------------------------------------------------------------


class LoggedRequest(msgspec.Struct, kw_only=True):
    """What was done with one request. Stamps are absolute ns on the machine's monotonic clock.

    ``arrived_ns``: when the kernel received the request's last byte, null where it does not say;
    ``received_ns``: when the request had been read whole, from which everything is due. ``due_ns`` and
    ``written_ns`` run in step with the content chunks; a chunk that was never written (the client had gone)
    is missing from ``written_ns``. ``role_ns``: the role-only chunk. ``held_up``: the response had to wait
    because the client did not read.
    """

    id: str
    body_sha256: str
    occurrence: int
    fate: str
    received_ns: int
    arrived_ns: int | None = None
    role_ns: int | None = None
    due_ns: list[int] = msgspec.field(default_factory=list)
    written_ns: list[int] = msgspec.field(default_factory=list)
    tokens: list[int] = msgspec.field(default_factory=list)
    end_ns: int | None = None
    held_up: bool = False


_decode_logged = msgspec.json.Decoder(LoggedRequest).decode


def read_log(path: Path) -> list[LoggedRequest]:
    """The requests in a log, in the order in which they ended. A torn last line is left out."""
    return [_decode_logged(line) for line in path.read_bytes().split(b"\n")[:-1]]
