"""JSON from a stranger, and the errors in it. Knows no API's events, only what all of them share."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec

from fairlead.measure.dialects.delta import EventError, Fault

_MAX_COUNT = 2**53
_QUOTED_BYTES = 4096

T = TypeVar("T")


def decode(data: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """``data`` in the decoder's shape.

    Raises:
        EventError: no JSON, or JSON of another shape.
    """
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise EventError(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    # Some servers split an emoji into two escaped halves, one a chunk, which msgspec refuses and every
    # other client takes. Take it too, each half as a replacement character.
    try:
        value: T = msgspec.convert(_whole_characters(loads(data)), decoder.type)
    except (msgspec.ValidationError, RecursionError) as error:
        raise EventError(str(error)) from None
    return value


def loads(data: bytes) -> Any:
    """Any JSON value.

    Raises:
        EventError: no JSON, no UTF-8, or nested too deep.
    """
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise EventError(f"not JSON ({type(error).__name__})") from None


def dumps(value: Any, separators: tuple[str, str] | None = None) -> str:
    """A JSON value as text, however deep. ``separators``: as :func:`json.dumps` has them."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=separators)
    except RecursionError:
        return "(nested too deep to quote)"


def arguments_text(value: Any) -> str:
    """The arguments of a call that came as an object, in the fewest characters: how the model spaced them
    nobody knows."""
    return dumps(value, separators=(",", ":"))


def count(stated: Any, key: str) -> int | None:
    """A token count, where the provider gave a sane one: a whole number from 0 to 2**53."""
    value = stated.get(key) if isinstance(stated, dict) else None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_COUNT:
        return None
    return value


def text_or_none(value: Any) -> str | None:
    """The value if it is a text with something in it."""
    return value if isinstance(value, str) and value else None


def error_body(body: bytes, status: int) -> Fault:
    """The error in the body of a response that is none: JSON of the usual shapes, else the text itself."""
    code = f"http_{status}"
    try:
        stated = _unlisted(loads(body))
    except EventError:
        return Fault(code, body[:_QUOTED_BYTES].decode("utf-8", "replace"))
    return stated_fault(_inside(stated), code)


def error_of(body: bytes) -> Fault | None:
    """The error object in a whole JSON body, or None where there is none."""
    try:
        stated = _unlisted(loads(body))
    except EventError:
        return None
    if not isinstance(stated, dict) or stated.get("error") is None:
        return None
    return stated_fault(stated["error"], "error")


def named_error(data: bytes) -> Fault:
    """The error in the data of an event named ``error``: it is one whatever it holds, JSON or not."""
    try:
        return stated_fault(loads(data), "error")
    except EventError:
        return Fault("error", data[:_QUOTED_BYTES].decode("utf-8", "replace"))


def stated_fault(stated: Any, default_code: str) -> Fault:
    """An error value, which may be an object, a text or anything else, as code and message."""
    if not isinstance(stated, dict):
        return Fault(default_code, stated if isinstance(stated, str) else dumps(stated))
    stated = _inside(stated)
    code = next((stated[k] for k in ("code", "type", "status") if isinstance(stated.get(k), str | int)), None)
    message = next(
        (stated[k] for k in ("message", "detail", "error") if isinstance(stated.get(k), str)), None
    )
    return Fault(
        default_code if code is None or code == "" else str(code),
        dumps(stated) if message is None else message,
    )


def _inside(stated: Any) -> Any:
    """The value under ``error``, where an error came wrapped in one."""
    if isinstance(stated, dict) and isinstance(stated.get("error"), dict):
        return stated["error"]
    return stated


def _unlisted(stated: Any) -> Any:
    """The only member of a list, which is how Gemini wraps the error of a stream that never began."""
    return stated[0] if isinstance(stated, list) and len(stated) == 1 else stated


def _whole_characters(value: Any) -> Any:
    """The same JSON value with every lone surrogate replaced."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_whole_characters(item) for item in value]
    if isinstance(value, dict):
        return {_whole_characters(key): _whole_characters(item) for key, item in value.items()}
    return value
