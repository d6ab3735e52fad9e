"""Why a row, or a figure of it, has no rank. Compares nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fairlead.model import Methodology, Provider
from fairlead.profile import AgeState, age_state
from fairlead.ranking.evidence import Origin, methodology_of
from fairlead.ranking.figures import FIGURES
from fairlead.ranking.rows import Row
from fairlead.windows import Outcome

REAL_DAY_SECONDS = 86_400


def ineligible(
    row: Row, provider: Provider | None, methodologies: Mapping[str, Methodology], now_unix_ns: int
) -> tuple[str, ...]:
    """Why a row cannot be ranked whatever its figures say."""
    reasons = list(ineligible_by_origin(row))
    version = row.family.methodology
    if row.origin is not Origin.IMPORTED and (version is None or version not in methodologies):
        reasons.append(f"methodology {version} is not known here" if version else "states no methodology")
    methodology = methodology_of(methodologies, version)
    reasons.extend(_ineligible_by_provider(provider, methodology))
    if not row.valid:
        reasons.append("no valid window")
    if age_state(row.last_unix_ns, now_unix_ns, methodology.ranking) is AgeState.EXPIRED:
        reasons.append(f"older than {methodology.ranking.stale_unranked_days} days")
    return tuple(reasons)


def ineligible_by_origin(row: Row) -> Iterator[str]:
    """Why a row cannot be ranked for who measured it, how, and what for."""
    if row.origin is Origin.IMPORTED:
        yield "imported from another tool: unregistered, without stamps, never ranked"
    elif row.origin is Origin.CLAIM:
        yield "claim: measured by the provider itself, never ranked"
    if any(item.head.dialect.endswith("-whole") for item in row.evidence):
        yield "not streamed: its first token comes with its last"
    if row.role == "control":
        yield "control endpoint: it shows the noise of the rounds"
    elif row.role == "smoke":
        yield "smoke test: it shows that the endpoint answers, no more"


def _ineligible_by_provider(provider: Provider | None, methodology: Methodology) -> Iterator[str]:
    if provider is None:
        yield "no entry of this provider"
    elif provider.status == "historical":
        yield "historical: known from an old record only"
    elif provider.status == "withdrawn":
        yield "withdrawn by its provider"
    elif provider.status == "reference":
        if methodology.day_seconds == REAL_DAY_SECONDS:  # a shorter day is a demonstration's
            yield "reference endpoint: of known timing, not a company"
    elif provider.benchmark_permission is None or not provider.benchmark_permission.granted:
        yield "no recorded permission to publish benchmarks"


def too_few_successes(row: Row, methodology: Methodology) -> Iterator[str]:
    """Why a row cannot be ranked for its failures; nothing where the success rate is high enough."""
    success, least = row.figures["success_rate"], methodology.ranking.success_rate_min
    if success.value is None:
        ours = ": our own client failed in all of them" if row.outcomes.get(Outcome.CLIENT) else ""
        yield f"no request that counts{ours}"
    elif success.value < least:
        good = row.outcomes.get(Outcome.OK, 0)
        yield f"{good} of {success.n} requests succeeded, fewer than {least * 100:g} %"


def early_first_chunks(row: Row, methodology: Methodology) -> dict[str, str]:
    """The figures of TTFT with the reason, where the first chunk comes long before the rest; else empty.

    Who could rank by a chunk that is sent before there is a token would do so. The limits are those by which
    the pattern is stated as a finding.
    """
    limits = methodology.smoothness
    if limits is None:
        return {}
    early, replies = row.first_gaps
    if replies < limits.replies_min or early < limits.replies_share_min * replies:
        return {}
    reason = f"in {early} of {replies} replies the first chunk came long before the rest"
    return {figure.name: reason for figure in FIGURES if figure.metric == "ttft_ms"}
