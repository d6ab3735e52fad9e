"""What an earlier run of a sweep left in its folder, and where this one keeps a level. Knows no root.

A whole level is ``c<concurrency>.jsonl.gz`` and is not measured again. One that was cut off is kept beside it
under a name of its own, so that the level is still to be measured and nothing is ever overwritten.

A window's header has no address. So the windows of a sweep bear the digest of theirs as their endpoint's
name, and a level that was measured somewhere else is not taken for one of this sweep.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fairlead.measure.plan import Plan
    from fairlead.measure.policy import Secret
    from fairlead.tokens import Pinned
    from fairlead.windows import Window

_SUFFIX = ".jsonl.gz"


def endpoint_at(plan: Plan) -> str:
    """The name of an endpoint that nobody lists: by the address to which its requests go."""
    return f"ad-hoc-{hashlib.sha256(plan.address().encode()).hexdigest()[:16]}"


def level_path(folder: Path, concurrency: int) -> Path:
    """Where the whole window of a level is kept."""
    return folder / f"c{concurrency}{_SUFFIX}"


def whole_levels(plans: Sequence[Plan], outs: Sequence[Path]) -> dict[Path, bytes]:
    """The levels that are there already, by path: the bytes of each.

    Raises:
        UsageError: a file of that name is no window, another sweep's, or one that was cut off.
    """
    found = {}
    for plan, out in zip(plans, outs, strict=True):
        if out.exists():
            found[out] = _whole_level(plan, out)
    return found


def _whole_level(plan: Plan, out: Path) -> bytes:
    from fairlead import documents, windows

    try:
        data = documents.read_bounded(out, windows.MAX_COMPRESSED_BYTES)
        window = windows.decode_window(data)
    except (documents.Unreadable, windows.WindowError) as error:
        raise click.UsageError(f"{out} is there already and is no window: {error}") from None
    differ = _differences(plan, window)
    if differ:
        words = f"{out} is there already, measured {' and '.join(differ)}"
        raise click.UsageError(
            f"{words}; a raw window is never overwritten: name another --out, or go on as it was measured"
        )
    if len(window.requests) < plan.requests:
        words = f"{out} is there already and was cut off: {len(window.requests)} of {plan.requests} requests"
        raise click.UsageError(f"{words}; rename it to measure its level again")
    return data


def _differences(plan: Plan, window: Window) -> list[str]:
    """What this plan would have made otherwise, as far as a header tells."""
    from fairlead.measure import workload

    header = window.header
    definition = header.workload.sha256 if header.workload else None
    pairs = (
        ("at another address", header.endpoint, plan.endpoint),
        ("with another load", header.load, plan.load()),
        ("with another model", header.api_model, plan.api_model or plan.model),
        ("with another dialect", header.dialect, plan.dialect),
        ("with another version of HTTP", header.http, plan.http),
        (
            "with another length of prompts or answers",
            definition,
            workload.definition_sha256(plan.workload()),
        ),
        ("with another tokenizer", header.tokenizer_sha256, plan.tokenizer_sha256),
    )
    return [name for name, was, wanted in pairs if was != wanted]


def cut_off_path(out: Path) -> Path:
    """Where a level that was cut off is kept: the first such name that is free."""
    stem = out.name.removesuffix(_SUFFIX)
    names = (out.with_name(f"{stem}-cut-off-{number}{_SUFFIX}") for number in itertools.count(1))
    return next(path for path in names if not path.exists())


def keep_left_over(spool: Path, out: Path, key: Secret | None, tokenizer: Pinned | None) -> Path | None:
    """Seal the spool that a killed run left of a level: what had finished is kept, as one that was cut off.

    Raises:
        UsageError: it cannot be sealed.
    """
    from fairlead.measure.spool import SpoolError, discard, seal
    from fairlead.scaffold import write_whole

    if not spool.exists():
        return None
    try:
        sealed = seal(spool, key, {tokenizer.sha256: tokenizer} if tokenizer else {})
    except SpoolError as error:
        raise click.UsageError(f"{error}; or delete {spool} to give its requests up") from None
    path = None
    if sealed.requests:
        path = cut_off_path(out)
        write_whole(path, sealed.data)
    discard(spool)
    return path
