"""Fairlead: a leaderboard of LLM inference providers that its own rivals can trust.

``fairlead.load(root)`` gives the published numbers and every request behind them as pandas frames.
"""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairlead.frames import Board

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def load(
    root: str | os.PathLike[str],
    *,
    now: dt.datetime | None = None,
    fetched: str | os.PathLike[str] | None = None,
) -> Board:
    """The board of a root, as frames for pandas. Nothing is written, and no network is used.

    Args:
        root: the folder that holds methodology/, providers/ and submissions/, such as a clone of the board.
        now: the time at which the board is looked at, which decides what is stale, suspended or in force;
            without it, the clock's.
        fetched: the folder of archived raw files that ``fairlead check --deep`` fetched: ``fairlead/raw`` in
            your cache folder.

    Returns:
        The board: ``rows``, ``figures`` and ``windows`` are frames, ``requests()`` makes one, ``raw()`` opens
        a window.

    Raises:
        fairlead.frames.BoardError: the folder is no root, or its data has problems, which it names.
    """
    from fairlead import frames

    return frames.load_board(root, now, fetched)
