"""What the board knows of people, companies and money, as one value. Knows no vote and no file.

Everything of this package that people may dispute is a function of a :class:`Register` and a moment.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping

from fairlead import model
from fairlead.governance.groups import group_heads
from fairlead.repository import Repository

MEMBERS = "methodology/governance/members/"
PROPOSALS = "methodology/proposals/"


@dataclasses.dataclass(frozen=True, slots=True)
class Register:
    """Members, organisations, providers, money, custody and the votes there were; each mapping by id."""

    members: Mapping[str, model.Member]
    organisations: Mapping[str, model.Organisation]
    providers: Mapping[str, model.Provider]
    vantages: Mapping[str, model.Vantage]
    funding: tuple[model.FundingEntry, ...]
    custody: tuple[model.Custodian, ...]
    ballots: Mapping[str, model.Ballot]
    rules: model.Rules

    _heads: dict[dt.date, Mapping[str, str]] = dataclasses.field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def heads(self, on: dt.date) -> Mapping[str, str]:
        """The head of each organisation's group on a day; see :func:`.group_heads`. It is kept."""
        if on not in self._heads:
            self._heads[on] = group_heads(self.organisations, self.rules.group_ownership_above, on)
        return self._heads[on]

    def name(self, organisation: str) -> str:
        """An organisation's name, else its id."""
        entry = self.organisations.get(organisation)
        return entry.name if entry else organisation


def register_of(repository: Repository) -> Register | None:
    """The register of a tree; None where no rules are in force."""
    if repository.rules is None:
        return None
    return Register(
        members=repository.members,
        organisations=repository.organisations,
        providers=repository.providers,
        vantages=repository.vantages,
        funding=repository.funding,
        custody=repository.custody,
        ballots=repository.ballots,
        rules=repository.rules,
    )
