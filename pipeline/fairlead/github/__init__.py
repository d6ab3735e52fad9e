"""The board's side of the forge: votes from reviews, a comment on a pull request, a status on a commit.

Knows no rule of counting and no check. What GitHub answers, and whatever people wrote there, is a stranger's
data: bounded, typed and escaped.
"""

from __future__ import annotations

from fairlead.github.ballots import Fetched, Ignored, Merged, fetch_votes, merge_votes
from fairlead.github.client import Client, GitHubProblem, Limits
from fairlead.github.comments import own_account, post_comment, post_status, pull_of_head, render_comment
from fairlead.github.lines import read_vote
from fairlead.github.texts import NoText, proposal_text

__all__ = [
    "Client",
    "Fetched",
    "GitHubProblem",
    "Ignored",
    "Limits",
    "Merged",
    "NoText",
    "fetch_votes",
    "merge_votes",
    "own_account",
    "post_comment",
    "post_status",
    "proposal_text",
    "pull_of_head",
    "read_vote",
    "render_comment",
]
