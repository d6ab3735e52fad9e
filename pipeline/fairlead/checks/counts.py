"""The token counts of a window: against each other, against the pin, and on demand counted again.

Knows no usage and no metric. Counting again takes seconds a window and the tokenizer's file, so it is done
only where it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fairlead import documents, windows
from fairlead.checks.context import Recount
from fairlead.documents import problem_at, problem_of
from fairlead.model import Model
from fairlead.problems import Problem, quote
from fairlead.tokens import Pinned, TokenizerError, count_request
from fairlead.windows import Request, Window

_RESTORE = "restore the file as it was sealed; raw data is never edited"


def count_problems(
    path: str, window: Window, models: Mapping[str, Model], recount: Recount | None
) -> Iterator[Problem]:
    """Everything that is wrong with the counts of a measured window; an import's are its source's word."""
    if window.header.origin == "imported":
        return
    yield from _pin_problems(path, window, models)
    contradictions = list(_contradictions(path, window))
    yield from contradictions
    if recount is not None and not contradictions and window.header.tokenizer_sha256 is not None:
        yield from _recount_problems(path, window, window.header.tokenizer_sha256, recount)


def _pin_problems(path: str, window: Window, models: Mapping[str, Model]) -> Iterator[Problem]:
    named, model = window.header.tokenizer_sha256, models.get(window.header.model)
    if named is None or model is None:
        return
    pinned = model.tokenizer.sha256 if model.tokenizer else None
    document = None
    if named != pinned:
        document, _ = documents.parse(windows.encode_line(window.header), path)
    if document is not None:
        message = f"{quote(window.header.model)} is counted with another tokenizer"
        expected = (
            f"{quote(pinned, 80)}, as methodology/models.yaml pins" if pinned else "null: none is pinned"
        )
        fix = "nothing, if the pin changed since; else measure the window with the pinned tokenizer"
        yield problem_at(document, "TOK002", "/tokenizer_sha256", message, expected=expected, fix=fix)


def _contradictions(path: str, window: Window) -> Iterator[Problem]:
    is_counted = window.header.tokenizer_sha256 is not None
    broken = [
        i for i, request in enumerate(window.requests) if not _is_consistent(request, is_counted=is_counted)
    ]
    if broken:
        message = (
            "`counted` is not the sum of `chunk_tokens`"
            if is_counted
            else "counts, and the header names no tokenizer"
        )
        yield _at_request(path, "TOK001", message, broken)


def _is_consistent(request: Request, *, is_counted: bool) -> bool:
    counted, chunks = request.tokens.counted, request.chunk_tokens
    if counted is None or chunks is None:
        return counted is None and chunks is None
    return is_counted and counted == sum(chunks)


def _recount_problems(path: str, window: Window, sha256: str, recount: Recount) -> Iterator[Problem]:
    try:
        pinned = recount(sha256)
    except TokenizerError as error:
        yield problem_of(".", "TOK004", error.message, fix=error.fix)
        return
    if pinned is None:
        message = f"no count by the tokenizer with sha256 {sha256} was checked: its file is not here"
        yield problem_of(
            ".", "TOK004", message, fix="name it with --tokenizer FILE, or put it into the cache"
        )
        return
    broken = [i for i, request in enumerate(window.requests) if not _is_reproduced(request, pinned)]
    if broken:
        yield _at_request(path, "TOK003", "the tokenizer gives another count than is stated", broken)


def _is_reproduced(request: Request, pinned: Pinned) -> bool:
    again = count_request(request, pinned)
    return (again.tokens, again.chunk_tokens) == (request.tokens, request.chunk_tokens)


def _at_request(path: str, code: str, message: str, broken: list[int]) -> Problem:
    more = f" (and {len(broken) - 1:,} more requests)" if len(broken) > 1 else ""
    return problem_of(path, code, message + more, line=broken[0] + 2, fix=_RESTORE)
