"""How one API is addressed. Knows no event, no socket and no real host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from fairlead.measure.dialects.delta import Delta
from fairlead.measure.sse import Event

STREAM_ACCEPT = ("accept", "text/event-stream")
WHOLE_ACCEPT = ("accept", "application/json")

# Query parameters in which keys are known to be sent. An address is written to files and logs; a key is not.
_KEY_PARAMETERS = frozenset(
    {"key", "api_key", "api-key", "apikey", "access_token", "auth", "token", "subscription-key"}
)


class Function(Protocol):
    """A function that the model may call. ``parameters``: a JSON Schema of its arguments."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def description(self) -> str: ...  # noqa: D102
    @property
    def parameters(self) -> dict[str, Any]: ...  # noqa: D102


class BodyWriter(Protocol):
    """Writes a request: the model by the API's own name, one user message, the most tokens to generate, and
    the functions that may be called."""

    def __call__(  # noqa: D102
        self, api_model: str, prompt: str, max_tokens: int, functions: Sequence[Function] = (), /
    ) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One API: where a request goes, what it carries, and how the answer is read.

    ``root``: the path of a base URL that names a host alone. ``path``: what is added to the base, with
    ``{model}`` where the API wants the model there; ``query``: likewise. ``headers``: what the API needs
    besides the content type, no secret among it. ``key_header``, ``key_prefix``: the form in which a key
    is sent (:func:`auth`).

    ``body(api_model, prompt, max_tokens, functions=())`` gives the request's bytes; an API that knows no
    functions (``calls`` is false) raises ValueError if there are any. ``read(event)`` gives what an event
    adds and raises :class:`~fairlead.measure.dialects.EventError`. Where ``streamed`` is false the answer
    comes whole: its JSON body is the one event, without a name.
    """

    root: str
    path: str
    body: BodyWriter
    read: Callable[[Event], Delta]
    query: str = ""
    headers: tuple[tuple[str, str], ...] = (STREAM_ACCEPT,)
    key_header: str = "authorization"
    key_prefix: str = "Bearer "
    streamed: bool = True
    calls: bool = True

    def url(self, base: str, api_model: str | None = None) -> str:
        """The address to post to: ``base`` with this dialect's path and query; a bare host gets the root.

        Raises:
            ValueError: ``base`` is no http or https URL with a host and without credentials; or the API wants
                a model in its path and ``api_model`` cannot stand there.
        """
        parts = urlsplit(base)
        if parts.username is not None or parts.password is not None:
            raise ValueError("a URL must not carry a user name or password")
        if any(name.lower() in _KEY_PARAMETERS for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
            raise ValueError("a URL must not carry a key: it goes in a header, from the environment")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError(f"{base!r} is not a URL such as https://api.example.com/v1")
        path = parts.path.rstrip("/") or self.root
        ending = self.path
        if "{model}" in ending:
            ending = ending.replace("{model}", _model_segment(api_model))
        if not path.endswith(ending):
            path += ending
        query = parts.query.split("&") if parts.query else []
        if self.query and self.query not in query:
            query.append(self.query)
        return urlunsplit((parts.scheme, parts.netloc, path, "&".join(query), ""))


def auth(dialect: Dialect, key: str) -> tuple[str, str]:
    """The header, name and value, that carries ``key`` to an API of this dialect.

    Raises:
        ValueError: ``key`` cannot stand in a header. The message does not quote it.
    """
    if not key or not all("!" <= character <= "~" for character in key):
        raise ValueError("a key is one line of printable ASCII without spaces")
    return dialect.key_header, dialect.key_prefix + key


def _model_segment(api_model: str | None) -> str:
    if not api_model:
        raise ValueError("this API needs the model's name in its address")
    if any(segment in ("", ".", "..") for segment in api_model.split("/")):
        raise ValueError(f"{api_model!r} cannot stand in an address as a model's name")
    return quote(api_model, safe="/@-._~")
