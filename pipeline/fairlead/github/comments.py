"""What Fairlead says on a pull request: one comment, kept up to date, and a status. Knows no check, no vote.

The report that a comment repeats was made where a stranger's change was at hand. Whatever of it is shown
stands in one fenced code block whose fence is longer than any run of backticks within: there GitHub makes no
mention, link, image, reference, emoji or HTML of anything. Only rule codes that we know are said outside.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal, NamedTuple

import msgspec

from fairlead.github.client import Client, GitHubProblem, is_commit, repository_path
from fairlead.problems import Problem, Severity, Span, render_text, visible
from fairlead.rules import RULES

MARKER = "<!-- fairlead: report -->"
MAX_REPORT_BYTES = 4 * 1024 * 1024
MAX_SHOWN = 20
MAX_PLACE = 300
MAX_STATUS = 140
# GitHub's own account in a workflow, whose token may not ask who it is.
ACTIONS_ACCOUNT = 41898282

UNREADABLE = f"""{MARKER}
**Fairlead's report of this change could not be read.** The log of the run says what was found.
"""

# -- the comment ---------------------------------------------------------------------------------------

_Number = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
_Code = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3,4}[0-9]{3}\Z")]


class _Strict(msgspec.Struct, forbid_unknown_fields=True):
    """As ``check --json`` writes it, and not otherwise."""


class _Span(_Strict):
    line: _Number
    column: _Number
    end_column: _Number


class _Problem(_Strict):
    code: _Code
    path: str
    message: str
    pointer: str
    span: _Span | None
    expected: str | None
    fix: str | None
    severity: Severity
    excerpt: str | None
    help: str


class _Counts(_Strict):
    errors: _Number
    warnings: _Number
    files: _Number


class _Report(_Strict):
    schema_version: Literal[1]
    counts: _Counts
    problems: list[_Problem]


def render_comment(report: bytes, site: str | None = None) -> str:
    """The Markdown of a comment, from the bytes that ``check --json`` printed, whoever made them.

    ``site``: the address where the rules are published, for links; ours, not the report's. Bytes that are no
    such report give :data:`UNREADABLE`.
    """
    problems = _read_report(report)
    if problems is None:
        return UNREADABLE
    if not problems:
        return f"{MARKER}\n**Fairlead found no problem in this change.**\n"
    shown = sorted(problems, key=lambda problem: problem.severity is not Severity.ERROR)[:MAX_SHOWN]
    text = render_text(shown).rpartition("\n\n")[0]
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    blocks = [f"{MARKER}\n**Fairlead found {_count(problems)} in this change.**{_left_out(problems)}"]
    blocks.append(f"{fence}text\n{text}\n{fence}")
    if rules := _rules(shown, site):
        blocks.append(f"What the rules are for: {rules}.")
    return "\n\n".join(blocks) + "\n"


def _read_report(report: bytes) -> list[Problem] | None:
    if len(report) > MAX_REPORT_BYTES:
        return None
    try:
        # The standard library's reader: a file name that is not UTF-8 is written with half surrogates.
        found = msgspec.convert(json.loads(report.decode()), _Report)
    except (ValueError, RecursionError):
        return None
    problems = [_problem(one) for one in found.problems]
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    said = found.counts.errors, found.counts.warnings
    return problems if said == (errors, len(problems) - errors) else None


def _problem(one: _Problem) -> Problem:
    excerpt = one.excerpt
    if excerpt is not None and (excerpt.startswith("…") or "\\" in excerpt):
        excerpt = None  # cut or escaped: the caret would not stand under its character
    return Problem(
        code=one.code,
        path=_cut(one.path),
        message=one.message,
        pointer=_cut(one.pointer),
        span=Span(one.span.line, one.span.column, one.span.end_column) if one.span else None,
        expected=one.expected,
        fix=one.fix,
        severity=one.severity,
        excerpt=excerpt,
    )


def _cut(text: str) -> str:
    shown = visible(text[: MAX_PLACE + 1])
    return shown if len(shown) <= MAX_PLACE else shown[: MAX_PLACE - 1] + "…"


def _count(problems: Sequence[Problem]) -> str:
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    numbers = (("error", errors), ("warning", len(problems) - errors))
    return " and ".join(f"{number} {name}{'s' * (number != 1)}" for name, number in numbers if number)


def _left_out(problems: Sequence[Problem]) -> str:
    left = len(problems) - MAX_SHOWN
    return f" The first {MAX_SHOWN} are shown; `fairlead check` says all." if left > 0 else ""


def _rules(problems: Iterable[Problem], site: str | None) -> str:
    codes = sorted({problem.code for problem in problems} & RULES.keys())
    if site is None:
        return ", ".join(codes)
    return ", ".join(f"[{code}]({site.rstrip('/')}/rules/#{code.lower()})" for code in codes)


# -- where it goes -------------------------------------------------------------------------------------


class _Account(msgspec.Struct):
    id: int


class _Comment(msgspec.Struct):
    id: int
    html_url: str
    user: _Account | None = None
    body: str = ""


class _Head(msgspec.Struct):
    sha: str


class _Pull(msgspec.Struct):
    number: int
    state: str
    head: _Head


class _Status(msgspec.Struct):
    url: str


class Found(NamedTuple):
    """The pull request of a commit, or None and why there is none to speak to."""

    number: int | None
    reason: str


def pull_of_head(client: Client, repository: str, head_sha: str) -> Found:
    """The one open pull request that stands at this commit.

    All open ones are looked at: asked for the pull requests of a commit, GitHub does not name those of forks.

    Raises:
        GitHubProblem: GitHub does not answer.
    """
    _check_commit(head_sha)
    pulls = client.get_all(
        f"{repository_path(repository)}/pulls", _Pull, state="open", sort="created", direction="asc"
    )
    numbers = sorted({pull.number for pull in pulls if pull.state == "open" and pull.head.sha == head_sha})
    if len(numbers) == 1:
        return Found(numbers[0], "")
    if not numbers:
        return Found(None, f"no open pull request stands at {head_sha}: it was closed, or has newer commits")
    listed = ", ".join(f"#{number}" for number in numbers[:10])
    return Found(None, f"{len(numbers)} open pull requests stand at {head_sha}: {listed}")


def own_account(client: Client) -> int:
    """The id of the account whose token this is; a workflow's token may not ask, and is GitHub Actions'.

    Raises:
        GitHubProblem: GitHub does not answer.
    """
    try:
        return client.get("/user", _Account).id
    except GitHubProblem as problem:
        if problem.status != 403:
            raise
        return ACTIONS_ACCOUNT


def post_comment(client: Client, repository: str, pull: int, body: str, *, author: int) -> str:
    """Say ``body`` in the one comment that ``author`` has with our mark; its address.

    An older one is changed, where it says something else. A comment of anybody else's is left alone, whatever
    marks it bears.

    Raises:
        GitHubProblem: GitHub does not answer, or the token may not write.
    """
    base = repository_path(repository)
    thread = f"{base}/issues/{pull}/comments"
    ours = [
        comment
        for comment in client.get_all(thread, _Comment)
        if comment.user is not None and comment.user.id == author and comment.body.startswith(MARKER)
    ]
    if not ours:
        return client.write("POST", thread, {"body": body}, _Comment).html_url
    first = min(ours, key=lambda comment: comment.id)
    if first.body != body:
        client.write("PATCH", f"{base}/issues/comments/{first.id}", {"body": body}, _Comment)
    return first.html_url


def post_status(
    client: Client,
    repository: str,
    sha: str,
    state: Literal["error", "failure", "pending", "success"],
    description: str,
    context: str,
) -> None:
    """Set a commit's status: ``context`` is its name, ``description`` a line of at most 140 characters.

    Raises:
        GitHubProblem: GitHub does not answer, or the token may not write.
    """
    _check_commit(sha)
    line = visible(description)
    line = line if len(line) <= MAX_STATUS else line[: MAX_STATUS - 1] + "…"
    body = {"state": state, "description": line, "context": context}
    client.write("POST", f"{repository_path(repository)}/statuses/{sha}", body, _Status)


def _check_commit(sha: str) -> None:
    if not is_commit(sha):
        raise GitHubProblem(f"{visible(sha[:80])} is no commit", "write all 40 digits, in lower case")
