"""A comment on a pull request: what a hostile report can make of it (nothing), and where it goes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from fairlead import scaffold
from fairlead.github import (
    GitHubProblem,
    own_account,
    post_comment,
    post_status,
    pull_of_head,
    render_comment,
)
from fairlead.github.comments import ACTIONS_ACCOUNT, MARKER, MAX_REPORT_BYTES, MAX_SHOWN, UNREADABLE
from fairlead.problems import Problem, Severity, Span, render_json

from . import fake_github as fake
from .fake_github import ACTIONS, REPOSITORY, TOKEN, commit, serving, user
from .github_example import talking

SITE = "https://board.example"
MAX_GITHUB = 65536  # characters of a comment
HEAD = commit("head")

PROBLEM = Problem(
    code="SUB012",
    path="submissions/acme/2026-03-04-llama-3-70b/submission.yaml",
    message="found a string",
    pointer="/sampling/temperature",
    span=Span(14, 16, 19),
    expected="a number",
    fix="write `temperature: 0`",
    excerpt='  temperature: "0"',
)


def report_of(*problems: Problem) -> bytes:
    return render_json(problems).encode()


def hostile(text: str) -> bytes:
    """A report that says ``text`` wherever it may, as ``check`` would never write it."""
    report = json.loads(report_of(PROBLEM))
    for name in ("path", "message", "pointer", "expected", "fix", "excerpt", "help"):
        report["problems"][0][name] = text
    return json.dumps(report).encode()


def tokens(comment: str) -> list[Token]:
    """The comment as CommonMark reads it, with the extensions of GitHub that the parser has."""
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(comment)


def frame(comment: str) -> list[tuple[str, str, str]]:
    """Everything but what stands in the code block."""
    return [(one.type, one.info, "" if one.type == "fence" else one.content) for one in tokens(comment)]


def code(comment: str) -> str:
    """What stands in the code block; there is one."""
    (fence,) = (one for one in tokens(comment) if one.type == "fence")
    return fence.content


def test_a_comment_says_what_check_says() -> None:
    """How many, then each problem as in a terminal, then what the rules are for."""
    assert (
        render_comment(report_of(PROBLEM), SITE)
        == f"""\
{MARKER}
**Fairlead found 1 error in this change.**

```text
submissions/acme/2026-03-04-llama-3-70b/submission.yaml:14:16: error[SUB012] /sampling/temperature
14 |   temperature: "0"
   |                ^^^ found a string
   = expected: a number
   = fix: write `temperature: 0`
   = help: rules/#sub012
```

What the rules are for: [SUB012](https://board.example/rules/#sub012).
"""
    )


def test_no_problem_is_said_too() -> None:
    """An older comment that lists some is replaced by it."""
    assert render_comment(report_of()) == f"{MARKER}\n**Fairlead found no problem in this change.**\n"


INERT = [
    "@everyone @fairlead-example/stewards",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "<!-- fairlead: report -->",
    "--> <h1>x",
    "[a](https://evil.example) ![b](https://evil.example/x.png)",
    "https://evil.example www.evil.example a@evil.example",
    "#1 fairlead-example/board#1 GH-1 " + commit("x"),
    ":+1: :shipit:",
    "```",
    "\n```\n\n@everyone\n\n```",
    "`" * 50,
    "~~~",
    "\r\n\r\n# Heading",
    "\u2028# Heading\u2029@everyone\x85@everyone\x0b@everyone\x0c@everyone",
    "\u202egnp.exe\u2066\u200b\u200d\ufeff",
    "$$\\href{https://evil.example}{x}$$ $`x`$",
    "| a | b |\n|---|---|\n| c | d |",
    "&#64;everyone &lt;b&gt;",
    "\\`\\@",
    "</code></pre><a href=https://evil.example>x</a>",
    "[^1]: note\n\n[x]: https://evil.example",
    "> [!WARNING]\n> x",
    "- [x] done",
    "\x1b[31mred\x00",
    "##[add-mask]a",
    "\udcff\ud800",
    "x" * 5000,
    "@" * 5000,
    "\u202e" * 5000,
]


@pytest.mark.parametrize("text", INERT, ids=lambda text: ascii(text[:12]))
def test_a_hostile_report_adds_nothing_outside_its_code_block(text: str) -> None:
    """No mention, link, image, reference, emoji, heading or HTML: the frame is that of an honest report."""
    comment = render_comment(hostile(text), SITE)
    assert frame(comment) == frame(render_comment(report_of(PROBLEM), SITE))
    assert len(comment) <= MAX_GITHUB
    assert not re.search(
        r"[^\S\n ]|[\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\x00-\x09\x0b-\x1f\x7f-\x9f]", comment
    )


@given(
    st.lists(
        st.sampled_from(
            [
                "`",
                "```",
                "~~~",
                "\n",
                "\r",
                "@a",
                "<b>",
                "](x)",
                "![",
                "#1",
                " ",
                "    ",
                "-->",
                "<!--",
                "|",
                "\u2028",
                "> ",
            ]
        ),
        max_size=25,
    )
)
def test_no_string_leaves_its_code_block(pieces: list[str]) -> None:
    """However it is put together."""
    comment = render_comment(hostile("".join(pieces)), SITE)
    assert frame(comment) == frame(render_comment(report_of(PROBLEM), SITE))
    assert code(comment)


@given(st.integers(1, 300), st.sampled_from(["", " ", "x"]))
def test_the_fence_is_longer_than_any_run_of_backticks_in_it(length: int, before: str) -> None:
    """So that it needs no other reason why a line within could not close it."""
    comment = render_comment(hostile(before + "`" * length))
    (fence,) = (one for one in tokens(comment) if one.type == "fence")
    assert len(fence.markup) > max(map(len, re.findall("`+", fence.content)))


def test_the_longest_report_fits_a_comment() -> None:
    """So many problems, each as long as it can be shown; how many there are is still said."""
    wide = Problem(
        code="SUB012",
        path="\U000e0041" * 900,
        message="`" * 900,
        pointer="\U000e0041" * 900,
        span=Span(10**9, 10**9, 10**9),
        expected="\U000e0041" * 900,
        fix="x" * 900,
        excerpt="\U000e0041" * 900,
    )
    comment = render_comment(report_of(*[wide] * 60), SITE)
    assert len(comment) <= MAX_GITHUB
    assert "found 60 errors" in comment
    assert f"The first {MAX_SHOWN} are shown" in comment
    assert code(comment).count("error[SUB012]") == MAX_SHOWN


def test_errors_are_shown_before_warnings() -> None:
    """What must be mended is not pushed out by what may be."""
    warning = Problem("SUB012", "a.yaml", "hm", severity=Severity.WARNING)
    comment = render_comment(report_of(*[warning] * 30, PROBLEM))
    assert "found 1 error and 30 warnings" in comment
    assert "error[SUB012]" in comment


def test_a_caret_is_drawn_only_where_it_is_right() -> None:
    """A report holds the piece of a line that people see; where that was cut or escaped the columns moved."""
    assert "^^^" in render_comment(report_of(PROBLEM))
    for excerpt in ("x" * 200 + '"0"', "\u200b\u200b\u200b" + '"0"' + " " * 20):
        moved = Problem(
            "SUB012", "a.yaml", "m", span=Span(1, len(excerpt), len(excerpt) + 1), excerpt=excerpt
        )
        assert "^" not in render_comment(report_of(moved))


def changed(**changes: Any) -> bytes:
    report = json.loads(report_of(PROBLEM))
    for name, value in changes.items():
        if name in report:
            report[name] = value
        else:
            report["problems"][0][name] = value
    return json.dumps(report).encode()


@pytest.mark.parametrize(
    "report",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"schema_version": 1}',
        report_of(PROBLEM)[:-20],
        report_of(PROBLEM) + b"{}",
        changed(schema_version=2),
        changed(counts={"errors": 0, "warnings": 0, "files": 0}),
        changed(counts={"errors": 1, "warnings": 0, "files": 1, "more": 1}),
        changed(code="@everyone"),
        changed(code="SUB012\n"),
        changed(severity="note"),
        changed(span={"line": -1, "column": 1, "end_column": 2}),
        changed(span={"line": 10**30, "column": 1, "end_column": 2}),
        changed(message=None),
        changed(message=["x"]),
        changed(extra="x"),
        b" " * (MAX_REPORT_BYTES + 1),
    ],
    ids=lambda report: ascii(report[:20]) + str(len(report)),
)
def test_what_is_no_report_gives_a_fixed_text(report: bytes) -> None:
    """Not a word of it is repeated."""
    assert render_comment(report, SITE) == UNREADABLE


@given(st.binary(max_size=200))
def test_any_bytes_give_a_comment(report: bytes) -> None:
    """Never a traceback."""
    assert render_comment(report).startswith(MARKER)


def test_an_unknown_rule_is_no_link() -> None:
    """A link is made of what we know, not of what the report says."""
    assert "https" not in render_comment(changed(code="XXX999"), SITE)


def test_what_check_says_of_a_hostile_change_is_repeated_whole(tmp_path: Path) -> None:
    """From files named to do harm, through `check --json`, to a comment that names them and does none."""
    root = tmp_path / "root"
    assert not scaffold.create_root(root).problems
    names = ["@everyone.yaml", "](https:evil).yaml", "<b>.yaml", "```.yaml", "::error::x.yaml", "#1.yaml"]
    for name in names:
        (root / "providers" / name).write_text("x: [\n")
    with contextlib.suppress(OSError):  # some file systems take no such name
        Path(os.fsdecode(os.fsencode(root / "providers") + b"/\xff\n.yaml")).write_text("x")
    checked = subprocess.run(
        [sys.executable, "-m", "fairlead", "check", "--json", "--root", str(root)],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert checked.returncode == 1
    made = render_comment(checked.stdout, SITE)
    assert all(f"providers/{name}" in code(made) for name in names)
    assert not any(name in made.replace(code(made), "") for name in names)
    assert {one.type for one in tokens(made)} == {
        one.type for one in tokens(render_comment(report_of(PROBLEM)))
    }


# -- where it goes -------------------------------------------------------------------------------------


def test_the_pull_request_is_found_by_its_head() -> None:
    """The report names none, so it cannot name another's; only an open one is spoken to."""
    with talking() as (hub, client, _):
        hub.page_items = 2
        for number in range(1, 6):
            hub.add_pull(commit(str(number)), number)
        hub.add_pull(HEAD, 6, state="closed")
        hub.add_pull(HEAD, 7)
        assert pull_of_head(client, REPOSITORY, HEAD) == (7, "")


def test_no_pull_request_and_many_are_outcomes() -> None:
    """Each is said; neither is guessed about."""
    with talking() as (hub, client, _):
        assert "no open pull request stands at" in pull_of_head(client, REPOSITORY, HEAD).reason
        hub.add_pull(HEAD, 7)
        hub.add_pull(HEAD, 8)
        found = pull_of_head(client, REPOSITORY, HEAD)
        assert found.number is None
        assert found.reason == f"2 open pull requests stand at {HEAD}: #7, #8"


@pytest.mark.parametrize("sha", ["main", HEAD[:39], HEAD.upper(), f"{HEAD}\n", "a/../b"])
def test_a_head_is_a_whole_commit(sha: str) -> None:
    """A branch's name moves, and an abbreviation can be made to fit another."""
    with talking() as (hub, client, _):
        with pytest.raises(GitHubProblem, match="no commit"):
            pull_of_head(client, REPOSITORY, sha)
        with pytest.raises(GitHubProblem, match="no commit"):
            post_status(client, REPOSITORY, sha, "success", "x", "vote")
        assert hub.asked == []


def test_there_is_one_comment_and_it_is_kept_up_to_date() -> None:
    """The first time it is made, then changed, then left alone where nothing changed."""
    with talking() as (hub, client, _):
        hub.add_talk(user("bo", 502), "Well done.")
        for body in (f"{MARKER}\none", f"{MARKER}\ntwo", f"{MARKER}\ntwo"):
            url = post_comment(client, REPOSITORY, 7, body, author=ACTIONS_ACCOUNT)
        assert [one["body"] for one in hub.talk] == ["Well done.", f"{MARKER}\ntwo"]
        assert url == hub.talk[1]["html_url"]
        assert len(hub.requests("POST")) == len(hub.requests("PATCH")) == 1


def test_nobody_elses_comment_is_changed() -> None:
    """The mark can be copied; the account cannot. And our own words elsewhere are not the report."""
    with talking() as (hub, client, _):
        hub.add_talk(user("bo", 502), f"{MARKER}\nforged")
        hub.add_talk(user("github-actions", 503), f"{MARKER}\nforged")
        hub.add_talk(None, f"{MARKER}\nforged")
        hub.add_talk(ACTIONS, f"A quotation: {MARKER}")
        before = [one["body"] for one in hub.talk]
        post_comment(client, REPOSITORY, 7, f"{MARKER}\nours", author=ACTIONS_ACCOUNT)
        assert [one["body"] for one in hub.talk] == [*before, f"{MARKER}\nours"]


def test_our_account_is_asked_for_or_is_that_of_actions() -> None:
    """A workflow's token is told that it may not ask."""
    with talking() as (hub, client, _):
        assert own_account(client) == ACTIONS_ACCOUNT
        hub.account = user("bot-of-the-board", 777)
        assert own_account(client) == 777
        hub.plan("GET /user", fake.status(401, "Bad credentials"))
        with pytest.raises(GitHubProblem, match="401"):
            own_account(client)


def test_a_status_is_set_on_a_commit() -> None:
    """Its text is cut to what GitHub takes."""
    with talking() as (hub, client, _):
        post_status(client, REPOSITORY, HEAD, "pending", "3 of 5 ballots\n" + "x" * 200, "vote")
        (status,) = hub.statuses
        assert status["state"] == "pending"
        assert status["context"] == "vote"
        assert status["sha"] == HEAD
        assert len(status["description"]) == 140
        assert status["description"].startswith(r"3 of 5 ballots\nxxx")


# -- the command ---------------------------------------------------------------------------------------


def comment(*arguments: str, report: bytes = b"", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a workflow would, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "fairlead", "comment", *arguments],
        env={**os.environ, "COLUMNS": "100", **environment},
        input=report.decode(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_comments_and_says_where(tmp_path: Path) -> None:
    """From a file, with a workflow's token; what it prints holds no token."""
    (tmp_path / "report.json").write_bytes(report_of(PROBLEM))
    with serving() as hub:
        hub.add_pull(HEAD)
        done = comment(
            str(tmp_path / "report.json"),
            "--repository", REPOSITORY, "--head", HEAD, "--site", SITE,
            GITHUB_TOKEN=TOKEN, GITHUB_API_URL=hub.url,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == hub.talk[0]["html_url"] + "\n"
        assert hub.talk[0]["body"] == render_comment(report_of(PROBLEM), SITE)
        assert {one.headers["authorization"] for one in hub.asked} == {f"Bearer {TOKEN}"}


def test_the_command_prints_without_asking_anybody() -> None:
    """To see what it would say."""
    done = comment(
        "-",
        "--repository",
        REPOSITORY,
        "--head",
        HEAD,
        "--print",
        report=report_of(PROBLEM),
        GITHUB_API_URL="http://127.0.0.1:1",
    )
    assert done.stdout == render_comment(report_of(PROBLEM))
    assert done.returncode == 0


def test_the_command_says_what_is_missing() -> None:
    """A token: usage. A pull request: nothing to do. GitHub itself: the environment, and the fix."""
    where = ("-", "--repository", REPOSITORY, "--head", HEAD)
    assert comment(*where, GITHUB_TOKEN="").returncode == 2
    with serving() as hub:
        none = comment(*where, GITHUB_TOKEN=TOKEN, GITHUB_API_URL=hub.url)
        assert (none.returncode, none.stdout[:25]) == (0, "nothing to comment on: no")
        hub.plan("GET", fake.status(401, f"Bad credentials {TOKEN}"))
        refused = comment(*where, GITHUB_TOKEN=TOKEN, GITHUB_API_URL=hub.url)
    assert refused.returncode == 3
    assert "= fix: set GITHUB_TOKEN" in refused.stderr
    assert TOKEN not in refused.stderr + refused.stdout
    assert comment(*where, "--site", "javascript:x", "--print").returncode == 2
