"""The vote in a comment: what is one, and what only looks like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.github import read_vote


@pytest.mark.parametrize(
    ("body", "vote"),
    [
        ("/vote yes", "yes"),
        ("/vote no\r\n", "no"),
        ("  /VOTE \t Abstain  ", "abstain"),
        ("I read it twice.\r\n\r\n/vote yes\r\n\r\nThank you.", "yes"),
        ("/vote yes\n/vote yes", "yes"),
        ("> /vote no\n\n/vote yes", "yes"),
        ("```\n/vote no\n```\nIt is not that.", None),
        ("```sh\nx\n```\n/vote yes", "yes"),
        ("~~~\n```\n~~~\n/vote yes", "yes"),
        ("<!-- a note -->\n/vote yes", "yes"),
        ("<!--\na template\n-->\n/vote yes", "yes"),
        ("It costs $5, and `x < y` is `true`.\n/vote yes", "yes"),
        ("- one\n- two\n/vote yes", "yes"),
        ("We shall /vote yes", None),
        ("`/vote yes`", None),
        ("", None),
        ("LGTM", None),
    ],
)
def test_a_vote_has_a_line_to_itself(body: str, vote: str | None) -> None:
    """Case, spaces and line ends do not matter; what stands around it does not either."""
    assert read_vote(body).vote == vote


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("/vote", "is not `/vote yes`"),
        ("/vote yes please", "is not `/vote yes`"),
        ("/vote yes\n/vote maybe", "is not `/vote yes`"),
        ("/vote: yes", "is not `/vote yes`"),
        ("/vote y\u0435s", "is not `/vote yes`"),
        ("/vote\u00a0yes", "is not `/vote yes`"),
        ("/vote yes\u200b", "is not `/vote yes`"),
        ("/vote yes\n/vote no", "twice"),
        ("```\n/vote yes\n```", "a code block"),
        ("````\n```\n/vote yes\n```\n````", "a code block"),
        ("```\nnever closed\n\n/vote yes", "a code block"),
        ("- ```\n  /vote yes\n  ```", "a code block"),
        ("    /vote yes", "a code block"),
        ("\t/vote yes", "a code block"),
        ("- ```\n  x\n\n```\n/vote yes\n```", "a code block"),
        ("    ```\nx\n```\n/vote yes\n```", "a code block"),
        ("```\n    ```\n/vote yes", "a code block"),
        ("> Bo said:\n/vote yes", "a quotation"),
        ("- > Bo said:\n/vote yes", "a quotation"),
        ("`\n/vote yes\n`", "leaves open"),
        ("~~\n/vote yes\n~~", "leaves open"),
        ("$$\n/vote yes\n$$", "leaves open"),
        ("<div\n/vote yes\n>", "leaves open"),
        ("<?\n/vote yes\n?>", "HTML"),
        ("<![CDATA[\n\n/vote yes\n]]>", "HTML"),
        ("<!X\n\n/vote yes\n>", "HTML"),
        ("<pre></pre><pre>\n\n/vote yes", "HTML"),
        ("<!--\n/vote yes\n-->", "HTML"),
        ("<pre>\n/vote yes\n</pre>", "HTML"),
    ],
)
def test_what_only_looks_like_a_vote_is_said_to_be_none(body: str, fault: str) -> None:
    """Its author reads why, and votes again; nothing is guessed."""
    reading = read_vote(body)
    assert reading.vote is None
    assert reading.fault is not None
    assert fault in reading.fault


@given(st.text(alphabet="/vote yesno`~>\n\r -<!pre&\t", max_size=80))
def test_any_text_is_a_vote_or_none(body: str) -> None:
    """Never both a vote and a fault, and never a traceback; and a vote has its line in the text."""
    vote, fault = read_vote(body)
    assert vote is None or fault is None
    if vote is not None:
        assert any(line.split() == ["/vote", vote] for line in body.replace("\r", "\n").split("\n"))


@given(st.text(alphabet="ab/vote yesno\n ", max_size=60), st.sampled_from(["```", "~~~~", "``````"]))
def test_nothing_in_a_fence_is_a_vote(body: str, fence: str) -> None:
    """Whatever is written there, it is shown as code."""
    assert read_vote(f"{fence}\n{body}\n{fence}").vote is None


@pytest.mark.parametrize(
    "piece",
    [
        "/vote\n",
        "/vote yes\n",
        "<!--",
        "-->",
        "<a",
        "<",
        "- ",
        "> ",
        "`",
        "`~",
        "1) ",
        " ",
        "\t",
        "```\n",
        "<!--\n-->\n",
    ],
)
@pytest.mark.parametrize("end", ["", "\n/vote no", ">\n/vote no", "<\n/vote no"])
def test_the_longest_comment_takes_no_longer_than_its_length(piece: str, end: str) -> None:
    """GitHub takes 65,536 characters; with a step for each pair of them this would not end today."""
    body = piece * (65_536 // len(piece)) + end
    assert read_vote(body).vote in (None, "yes", "no")
