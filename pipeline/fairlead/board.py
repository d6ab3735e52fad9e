"""The rows of a repository at a moment: ranked, judged and kept back as everything in it says. Knows no file.

Whoever shows, exports or compares the board asks for it here, so that they all show the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from fairlead.clock import unix_ns_of
from fairlead.governance import company_heads, withheld_rows
from fairlead.life import objections
from fairlead.ranking import Estimator, Evidence, Row, build_rows, estimate_each
from fairlead.repository import Repository


def rows_of(
    repository: Repository,
    evidence: Iterable[Evidence],
    moment: dt.datetime,
    *,
    estimate: Estimator = estimate_each,
) -> tuple[Row, ...]:
    """Every row that these windows give, by the method, the histories and the interests that are stated.

    ``estimate``: as in :func:`fairlead.ranking.build_rows`.
    """
    return build_rows(
        evidence,
        repository.providers,
        repository.methodologies,
        now_unix_ns=unix_ns_of(moment),
        against=objections(repository, moment),
        withheld=withheld_rows(repository, moment),
        estimate=estimate,
        groups=company_heads(repository, moment),
    )
