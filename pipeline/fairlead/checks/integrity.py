"""What the raw requests of a claim show to an auditor, as problems. Knows no test and no limit.

Contradictions are errors; what hardly happens in an honest run is a warning, with its numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fairlead.documents import problem_of
from fairlead.integrity import Finding
from fairlead.problems import Problem, Severity
from fairlead.rules import RULES

_FIXES = {
    Severity.ERROR: "restore the file as it was sealed; raw data is never edited",
    Severity.WARNING: "nothing, if the run was honest: the finding is shown beside the claim",
}


def integrity_problems(found: Sequence[Finding]) -> Iterator[Problem]:
    """Findings as problems, each at its first request."""
    for finding in found:
        fix = _FIXES[RULES[finding.code].severity]
        line = finding.requests[0] + 2 if finding.requests else 1
        yield problem_of(finding.path, finding.code, finding.sentence, line=line, fix=fix)
