"""Company groups by ownership. Knows no person and no vote.

A company belongs to whoever holds more than the rules' share of it, directly or through companies that
it controls already, all shares of the group taken together (G-2.2).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from fairlead.governance.days import holds
from fairlead.model import Organisation


def group_heads(
    organisations: Mapping[str, Organisation], ownership_above: float, on: dt.date
) -> dict[str, str]:
    """The head of each organisation's group on a day, by the organisation's id.

    The head is the one that nobody in the group controls; of several, as in a circle of owners, the first
    by id. An organisation that no other holds is the head of its own group.
    """
    held = _stakes(organisations, on)
    names = {*organisations, *held, *(company for stakes in held.values() for company in stakes)}
    group = {name: name for name in names}

    def root(name: str) -> str:
        while group[name] != name:
            group[name] = group[group[name]]
            name = group[name]
        return name

    # Every stake is looked at once, and again when the group that holds it has grown by it.
    waiting = [(owner, company) for owner in sorted(held) for company in sorted(held[owner])]
    while waiting:
        owner, company = waiting.pop()
        larger, smaller = root(owner), root(company)
        if larger == smaller or held[larger].get(company, 0.0) <= ownership_above:
            continue
        if len(held.get(smaller, {})) > len(held[larger]):
            larger, smaller = smaller, larger
        group[smaller] = larger
        for other, share in held.pop(smaller, {}).items():
            held[larger][other] = held[larger].get(other, 0.0) + share
            waiting.append((larger, other))
    owned = {
        company for stakes in held.values() for company, share in stakes.items() if share > ownership_above
    }
    heads: dict[str, str] = {}
    for name in sorted(names, key=lambda name: (name in owned, name)):
        heads.setdefault(root(name), name)
    return {name: heads[root(name)] for name in sorted(names)}


def _stakes(organisations: Mapping[str, Organisation], on: dt.date) -> dict[str, dict[str, float]]:
    """What each owner holds on a day: the share of each company."""
    stakes: dict[str, dict[str, float]] = {}
    for company, entry in organisations.items():
        for owner in entry.owners:
            if holds(owner.from_, owner.until, on, on) and owner.organisation != company:
                held = stakes.setdefault(owner.organisation, {})
                held[company] = held.get(company, 0.0) + owner.share
    return stakes
