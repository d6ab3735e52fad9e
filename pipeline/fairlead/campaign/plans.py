"""What may be measured, and the plan that fixes one window. Knows no clock, no socket and no file."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable
from typing import Literal

from fairlead import windows
from fairlead.measure.cores import client_cores
from fairlead.measure.plan import Limits, Plan, open_bound, processes_for
from fairlead.model import (
    Endpoint,
    Methodology,
    MethodologyRef,
    Provider,
    Scenario,
    ServedModel,
    Tokenizer,
)
from fairlead.repository import Repository


class CampaignError(Exception):
    """What was asked for cannot be measured; the message says why and what would help."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """A model at an endpoint, as the provider's file lists it."""

    provider: str
    entry: Provider
    endpoint: Endpoint
    served: ServedModel


def targets_of(repository: Repository, model: str) -> list[Target]:
    """Every endpoint with an address that serves a model, withdrawn and historical providers apart."""
    return [
        Target(provider, entry, endpoint, served)
        for provider, entry in sorted(repository.providers.items())
        if entry.status in ("active", "reference")
        for endpoint in entry.endpoints
        if endpoint.base_url is not None
        for served in endpoint.models
        if served.model == model
    ]


def neutral_targets(repository: Repository, model: str) -> list[Target]:
    """The endpoints that the board measures itself: of providers with a recorded permission, and references.

    What the board measures it publishes, so without that word it does not measure.
    """
    return [target for target in targets_of(repository, model) if _may_be_published(target.entry)]


def _may_be_published(provider: Provider) -> bool:
    permission = provider.benchmark_permission
    return provider.status == "reference" or (permission is not None and permission.granted)


def neutral_rounds(repository: Repository) -> list[tuple[str, str]]:
    """What is measured around the clock: each model that a company serves, from each vantage in a region.

    The machine itself is a vantage without a region: from there only references are measured.
    """
    served = [
        model
        for model in sorted(repository.models)
        if any(target.entry.status == "active" for target in neutral_targets(repository, model))
    ]
    places = sorted(name for name, vantage in repository.vantages.items() if vantage.region is not None)
    return [(model, place) for model in served for place in places]


def find_target(repository: Repository, provider: str, endpoint: str, model: str) -> Target:
    """The one endpoint of a provider that serves a model.

    Raises:
        CampaignError: it is not listed, or has no address.
    """
    for target in targets_of(repository, model):
        if target.provider == provider and target.endpoint.id == endpoint:
            return target
    raise CampaignError(
        f"providers/{provider}.yaml lists no endpoint {endpoint!r} with an address that serves {model!r}",
        f"add it to providers/{provider}.yaml, then run `fairlead check`",
    )


def tokenizer_pins(repository: Repository, models: Iterable[str]) -> dict[str, Tokenizer]:
    """The tokenizers that these models are counted with, by model; those that pin none are left out."""
    entries = {model: repository.models.get(model) for model in models}
    return {model: entry.tokenizer for model, entry in entries.items() if entry and entry.tokenizer}


def require_tokenizers(repository: Repository, models: Iterable[str], given: Collection[str]) -> None:
    """Stop before anything is measured where a pinned tokenizer is not among those given, by digest.

    Raises:
        CampaignError: one is missing.
    """
    for model, pin in tokenizer_pins(repository, models).items():
        if pin.sha256 not in given:
            raise CampaignError(
                f"{model} is counted with the tokenizer with sha256 {pin.sha256}, which is not here",
                "name it with --tokenizer FILE",
            )


def make_plan(
    target: Target,
    methodology: Methodology,
    reference: MethodologyRef,
    scenario: Scenario,
    *,
    seed: str,
    vantage: str,
    round_id: str | None = None,
    registration_sha256: str | None = None,
    plan_index: int | None = None,
    tokenizer: Tokenizer | None = None,
) -> Plan:
    """All that fixes one window, by the methodology's numbers.

    Raises:
        CampaignError: the scenario's load is not whole, or its workload cannot be sent in the endpoint's
            dialect.
    """
    is_open = scenario.kind == "open"
    if None in ((scenario.rate_per_s, scenario.arrivals) if is_open else (scenario.concurrency,)):
        raise CampaignError(
            f"scenario {scenario.id!r} does not say its load", "run `fairlead check` on the methodology"
        )
    workload = next(workload for workload in methodology.workloads if workload.id == scenario.workload)
    timeouts = methodology.timeouts
    concurrency = scenario.concurrency or open_bound(scenario.requests)
    role: Literal["subject", "control"] = (
        "control" if round_id and target.provider == methodology.control else "subject"
    )
    try:
        return Plan(
            url=target.endpoint.base_url or "",
            model=target.served.model,
            api_model=target.served.api_model,
            concurrency=concurrency,
            processes=processes_for(concurrency, client_cores()),
            requests=scenario.requests,
            seed=seed,
            max_tokens=workload.output_tokens_max,
            input_words=workload.input_words,
            kind=workload.kind,
            ramp_ns=scenario.ramp_ms * 1_000_000,
            rate_per_s=scenario.rate_per_s,
            arrivals=scenario.arrivals,
            limits=Limits(
                connect_ns=timeouts.connect_ms * 1_000_000,
                first_ns=timeouts.first_chunk_ms * 1_000_000,
                total_ns=timeouts.total_ms * 1_000_000,
            ),
            dialect=target.endpoint.dialect,
            http=target.endpoint.http,
            provider=target.provider,
            endpoint=target.endpoint.id,
            vantage=vantage,
            round=round_id,
            role=role,
            registration_sha256=registration_sha256,
            plan_index=plan_index,
            methodology=windows.Methodology(version=reference.version, sha256=reference.sha256),
            tokenizer_sha256=None if tokenizer is None else tokenizer.sha256,
        )
    except ValueError as error:
        raise CampaignError(
            f"scenario {scenario.id!r} at {target.provider}'s endpoint {target.endpoint.id!r}: {error}",
            "choose another scenario or endpoint",
        ) from None


def methodology_ref(repository: Repository, version: str) -> MethodologyRef:
    """A methodology version and the digest of its text."""
    path = f"methodology/versions/{version}/methodology.yaml"
    return MethodologyRef(version=version, sha256=windows.digest(repository.documents[path].text.encode()))


def scenario_by_id(methodology: Methodology, scenario: str) -> Scenario:
    """A scenario of a methodology.

    Raises:
        CampaignError: there is none of that name.
    """
    for known in methodology.scenarios:
        if known.id == scenario:
            return known
    names = ", ".join(known.id for known in methodology.scenarios)
    raise CampaignError(
        f"methodology {methodology.version} has no scenario {scenario!r}", f"choose one of: {names}"
    )
