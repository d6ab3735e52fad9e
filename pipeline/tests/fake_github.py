"""A GitHub over real HTTP on loopback, with faults on demand. Knows no test and nothing of Fairlead.

Every answer is validated against what GitHub publishes of its REST API (fixtures/github-openapi.json), and so
is every question: path, parameters, body. What breaks the description is kept in ``violations``.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import http.server
import itertools
import json
import re
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema

REPOSITORY = "fairlead-example/board"
OWNER, NAME = REPOSITORY.split("/")
WEB = f"https://github.com/{REPOSITORY}"
TOKEN = "ghs_0123456789abcdefTESTTOKENabcdef01234567"
Json = Any


# -- what GitHub publishes -----------------------------------------------------------------------------


@functools.cache
def published() -> Json:
    """The description, as a JSON Schema document of 2020-12."""
    return _modern(
        json.loads(Path(__file__).with_name("fixtures").joinpath("github-openapi.json").read_text())
    )


def _modern(node: Json) -> Json:
    """OpenAPI 3.0 says ``nullable`` where JSON Schema has a type for it."""
    if isinstance(node, list):
        return [_modern(value) for value in node]
    if not isinstance(node, dict):
        return node
    plain = {name: _modern(value) for name, value in node.items() if name != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if node.get("nullable") is True else plain


FORMATS = jsonschema.FormatChecker(formats=())


@FORMATS.checks("date-time")
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value))


@FORMATS.checks("uri")
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or bool(re.fullmatch(r"[a-z]+://\S+", value))


@functools.cache
def _validator(pointer: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({**published(), "$ref": pointer}, format_checker=FORMATS)


def faults_of(value: Json, pointer: str) -> list[str]:
    """What of a value breaks the schema at a pointer into the description."""
    errors = sorted(_validator(pointer).iter_errors(value), key=lambda error: error.json_path)
    return [f"{pointer} {error.json_path}: {error.message[:200]}" for error in errors]


def resolved(schema: Json) -> Json:
    """A node behind its references."""
    while "$ref" in schema:
        schema = functools.reduce(lambda node, part: node[part], schema["$ref"][2:].split("/"), published())
    return schema


def example(schema: Json, facts: Json = ...) -> Json:
    """The least value that a schema allows, with ``facts`` laid over it; extra facts are kept."""
    schema = resolved(schema)
    if facts is not ... and not isinstance(facts, dict):
        return facts
    if "anyOf" in schema or "oneOf" in schema:
        options = schema.get("anyOf") or schema["oneOf"]
        has_null = any(resolved(option).get("type") == "null" for option in options)
        return None if has_null and facts is ... else example(options[0], facts)
    if "allOf" in schema:
        return functools.reduce(lambda made, part: {**made, **example(part, facts)}, schema["allOf"], {})
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object" or "properties" in schema:
        known = {} if facts is ... else facts
        properties = schema.get("properties", {})
        names = [
            *schema.get("required", ()),
            *(name for name in known if name not in schema.get("required", ())),
        ]
        return {name: example(properties.get(name, {}), known.get(name, ...)) for name in names}
    least = {"integer": 1, "number": 1, "boolean": False, "array": [], "null": None, "string": "text"}
    formats = {
        "uri": "https://api.github.com/x",
        "date-time": "2026-03-01T00:00:00Z",
        "email": "a@example.org",
    }
    return formats.get(schema.get("format", ""), least[schema.get("type", "string")])


def component(which: str, /, **facts: Json) -> Json:
    """An example of a component."""
    return example({"$ref": f"#/components/schemas/{which}"}, facts)


# -- what it holds -------------------------------------------------------------------------------------


def user(login: str, number: int, kind: str = "User") -> Json:
    """An account, as reviews and comments name it."""
    return component("simple-user", login=login, id=number, type=kind)


ACTIONS = user("github-actions[bot]", 41898282, "Bot")


def commit(text: str) -> str:
    """The name of a commit that never was."""
    return hashlib.sha1(text.encode()).hexdigest()


def blob(data: bytes) -> str:
    """Git's name for these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@dataclass
class Asked:
    """One request, as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Json


Fault = Callable[["Handler"], None]


@dataclass
class Planned:
    """A fault that waits for a request whose ``METHOD path?query`` matches."""

    pattern: str
    fault: Fault
    times: int = 1


@dataclass
class FakeGitHub:
    """One repository, in memory. ``page_items``: the most that it puts on a page."""

    url: str = ""
    page_items: int = 100
    pulls: list[Json] = field(default_factory=list)
    reviews: list[Json] = field(default_factory=list)
    comments: list[Json] = field(default_factory=list)
    talk: list[Json] = field(default_factory=list)
    statuses: list[Json] = field(default_factory=list)
    trees: dict[str, dict[str, bytes]] = field(default_factory=dict)
    account: Json = None
    asked: list[Asked] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    planned: list[Planned] = field(default_factory=list)
    after: list[tuple[str, Callable[[], None]]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1001))

    def add_pull(self, head_sha: str, number: int = 7, state: str = "open") -> None:
        """A pull request that stands at a commit."""
        facts = {"number": number, "state": state, "head": {"sha": head_sha, "ref": "change"}}
        self.pulls.append(facts)

    def add_review(self, author: Json, body: str, at: str, sha: str, state: str = "COMMENTED") -> int:
        """A review; its number."""
        number = next(self.numbers)
        facts: dict[str, Json] = {
            "id": number,
            "user": author,
            "body": body,
            "state": state,
            "commit_id": sha,
        }
        facts["html_url"] = f"{WEB}/pull/7#pullrequestreview-{number}"
        if state != "PENDING":
            facts["submitted_at"] = at
        self.reviews.append(component("pull-request-review", **facts))
        return number

    def add_comment(
        self, author: Json, body: str, at: str, sha: str, *, review: int | None, updated: str | None = None
    ) -> int:
        """A comment of a review; its number."""
        number = next(self.numbers)
        facts = {"id": number, "user": author, "body": body, "created_at": at, "updated_at": updated or at}
        facts |= {"pull_request_review_id": review, "original_commit_id": sha, "commit_id": commit("latest")}
        facts["html_url"] = f"{WEB}/pull/7#discussion_r{number}"
        self.comments.append(component("pull-request-review-comment", **facts))
        return number

    def add_talk(self, author: Json, body: str) -> int:
        """An ordinary comment; its number."""
        number = next(self.numbers)
        facts = {"id": number, "user": author, "body": body, "body_text": body}
        facts["html_url"] = f"{WEB}/pull/7#issuecomment-{number}"
        self.talk.append(component("issue-comment", **facts))
        return number

    def plan(self, pattern: str, fault: Fault, times: int = 1) -> None:
        """Let requests that match fail, so often."""
        self.planned.append(Planned(pattern, fault, times))

    def requests(self, pattern: str) -> list[Asked]:
        """The requests whose ``METHOD path`` matches."""
        return [one for one in self.asked if re.search(pattern, f"{one.method} {one.path}")]

    # -- answers, by the description's name of the operation

    def answer(self, operation: str, names: dict[str, str], asked: Asked) -> tuple[int, Json]:
        """Status and value."""
        if names.get("owner", OWNER) != OWNER or names.get("repo", NAME) != NAME:
            return 404, {"message": "Not Found"}
        return getattr(self, operation.replace("/", "_").replace("-", "_"))(names, asked)

    def pulls_get(self, names: dict[str, str], _: Asked) -> tuple[int, Json]:
        found = [pull for pull in self.pulls if pull["number"] == int(names["pull_number"])]
        return (200, component("pull-request", **found[0])) if found else (404, {"message": "Not Found"})

    def pulls_list(self, _: dict[str, str], asked: Asked) -> tuple[int, Json]:
        state = asked.query.get("state", "open")
        return 200, [
            component("pull-request-simple", **pull) for pull in self.pulls if state in ("all", pull["state"])
        ]

    def pulls_list_reviews(self, _: dict[str, str], __: Asked) -> tuple[int, Json]:
        return 200, list(self.reviews)

    def pulls_list_review_comments(self, _: dict[str, str], __: Asked) -> tuple[int, Json]:
        return 200, list(self.comments)

    def issues_list_comments(self, _: dict[str, str], __: Asked) -> tuple[int, Json]:
        return 200, list(self.talk)

    def issues_create_comment(self, _: dict[str, str], asked: Asked) -> tuple[int, Json]:
        self.add_talk(self.account or ACTIONS, asked.body["body"])
        return 201, self.talk[-1]

    def issues_update_comment(self, names: dict[str, str], asked: Asked) -> tuple[int, Json]:
        (found,) = (one for one in self.talk if one["id"] == int(names["comment_id"]))
        found["body"] = asked.body["body"]
        return 200, found

    def repos_create_commit_status(self, names: dict[str, str], asked: Asked) -> tuple[int, Json]:
        self.statuses.append({"sha": names["sha"], **asked.body})
        return 201, component("status", **asked.body)

    def users_get_authenticated(self, _: dict[str, str], __: Asked) -> tuple[int, Json]:
        if self.account is None:
            return 403, {"message": "Resource not accessible by integration"}
        return 200, component("private-user", login=self.account["login"], id=self.account["id"])

    def repos_get_content(self, where: dict[str, str], asked: Asked) -> tuple[int, Json]:
        files = self.trees.get(asked.query.get("ref", ""), {})
        path = where["path"]
        if path in files:
            facts = {"type": "file", "name": path.split("/")[-1], "path": path, "sha": blob(files[path])}
            return 200, component("content-file", **facts, size=len(files[path]))
        inside = {name[len(path) + 1 :]: data for name, data in files.items() if name.startswith(f"{path}/")}
        if not inside:
            return 404, {"message": "Not Found"}
        names = {name.split("/")[0]: data for name, data in inside.items()}
        folders = {name.split("/")[0] for name in inside if "/" in name}
        return 200, [
            self._entry(path, name, None if name in folders else data) for name, data in names.items()
        ]

    def _entry(self, path: str, name: str, data: bytes | None) -> Json:
        """How a folder lists a file, a link (its bytes begin with an arrow) or a folder."""
        kind = "dir" if data is None else "symlink" if data.startswith(b"-> ") else "file"
        facts = {
            "type": kind,
            "name": name,
            "path": f"{path}/{name}",
            "sha": blob(data or b""),
            "size": len(data or b""),
        }
        return example(published()["components"]["schemas"]["content-directory"]["items"], facts)

    def git_get_blob(self, names: dict[str, str], _: Asked) -> tuple[int, Json]:
        for data in itertools.chain.from_iterable(files.values() for files in self.trees.values()):
            if blob(data) == names["file_sha"]:
                text = base64.encodebytes(data).decode()
                return 200, component("blob", content=text, encoding="base64", size=len(data), sha=blob(data))
        return 404, {"message": "Not Found"}


# -- how it speaks -------------------------------------------------------------------------------------


@functools.cache
def _operations() -> list[tuple[str, re.Pattern[str], str]]:
    found = []
    for path, methods in published()["paths"].items():
        names = re.sub(
            r"\\{(\w+)\\}",
            lambda name: f"(?P<{name[1]}>{'.+' if name[1] == 'path' else '[^/]+'})",
            re.escape(path),
        )
        found += [(method.upper(), re.compile(names), path) for method in methods]
    return found


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    hub: FakeGitHub

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer, or fail as planned."""
        split = urllib.parse.urlsplit(self.path)
        size = int(self.headers.get("content-length", 0))
        body = json.loads(self.rfile.read(size)) if size else None
        query = dict(urllib.parse.parse_qsl(split.query))
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = urllib.parse.unquote(split.path)
        self.asked = Asked(self.command, path, query, headers, body)
        self.hub.asked.append(self.asked)
        line = f"{self.command} {self.path}"
        for planned in self.hub.planned:
            if planned.times and re.search(planned.pattern, line):
                planned.times -= 1
                planned.fault(self)
                return
        self.reply()
        for index, (pattern, act) in enumerate(self.hub.after):
            if re.search(pattern, line):
                del self.hub.after[index]
                act()
                return

    do_POST = do_PATCH = do_GET  # noqa: N815 - the names that http.server looks for

    def reply(self) -> None:
        """The answer that the description allows."""
        status, value, headers = self.whole()
        self.send(status, json.dumps(value).encode(), headers)

    def whole(self) -> tuple[int, Json, dict[str, str]]:
        """The answer: status, value and headers."""
        for method, pattern, template in _operations():
            if method == self.command and (match := pattern.fullmatch(self.asked.path)):
                return self._answer(template, match.groupdict())
        self.hub.violations.append(f"{self.command} {self.path} is no operation that is described here")
        return 404, {"message": "Not Found"}, {}

    def _answer(self, template: str, names: dict[str, str]) -> tuple[int, Json, dict[str, str]]:
        operation = published()["paths"][template][self.command.lower()]
        pointer = f"#/paths/{template.replace('~', '~0').replace('/', '~1')}/{self.command.lower()}"
        pointer = pointer.replace("{", "%7B").replace("}", "%7D")
        if faults := self._faults_of_question(operation, pointer):
            self.hub.violations += faults
            return 422, {"message": "Validation Failed"}, {}
        status, value = self.hub.answer(operation["operationId"], names, self.asked)
        headers: dict[str, str] = {}
        if isinstance(value, list) and "per_page" in {
            resolved(one)["name"] for one in operation["parameters"]
        }:
            value, headers = self._page(value)
        if str(status) not in operation["responses"]:
            self.hub.violations.append(f"{template} does not answer {status}")
        elif "content" in (described := resolved(operation["responses"][str(status)])):
            schema = described["content"]["application/json"]["schema"]
            place = schema.get("$ref") or f"{pointer}/responses/{status}/content/application~1json/schema"
            self.hub.violations += faults_of(value, place)
        return status, value, headers

    def _faults_of_question(self, operation: Json, pointer: str) -> list[str]:
        allowed = {p["name"] for p in map(resolved, operation.get("parameters", ())) if p["in"] == "query"}
        faults = [f"{self.path}: no parameter {name}" for name in sorted(set(self.asked.query) - allowed)]
        if "requestBody" in operation:
            schema = f"{pointer}/requestBody/content/application~1json/schema"
            faults += faults_of(self.asked.body, schema)
        return faults

    def _page(self, items: list[Json]) -> tuple[list[Json], dict[str, str]]:
        size = min(int(self.asked.query.get("per_page", "30")), self.hub.page_items)
        page = int(self.asked.query.get("page", "1"))
        if page * size >= len(items):
            return items[(page - 1) * size :], {}
        query = urllib.parse.urlencode({**self.asked.query, "page": page + 1})
        link = f'<{self.hub.url}{self.asked.path}?{query}>; rel="next", <{self.hub.url}/x?page=9>; rel="last"'
        return items[(page - 1) * size : page * size], {"link": link}

    def send(self, status: int, data: bytes, headers: dict[str, str] | None = None) -> None:
        """A whole reply."""
        self.send_response(status)
        for name, value in {
            "content-type": "application/json",
            "content-length": str(len(data)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(data)


# -- faults --------------------------------------------------------------------------------------------


def status(code: int, message: str, **headers: str) -> Fault:
    """An error, with such headers (``_`` for ``-``) as it may bring."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: handler.send(code, json.dumps({"message": message}).encode(), named)


def cut_json(handler: Handler) -> None:
    """Half of the answer, as though it were all of it."""
    data = json.dumps(handler.whole()[1]).encode()
    handler.send(200, data[: len(data) // 2])


def cut_connection(handler: Handler) -> None:
    """Half of the answer, then nothing: the connection is closed before the length that was promised."""
    data = json.dumps(handler.whole()[1]).encode()
    handler.send(200, data[: len(data) // 2], {"content-length": str(len(data))})
    handler.close_connection = True


def endless(handler: Handler) -> None:
    """White space without end."""
    handler.send(200, b"[", {"content-length": str(1 << 40)})
    with contextlib.suppress(OSError):
        while True:
            handler.wfile.write(b" " * 65536)
    handler.close_connection = True


def said(data: bytes, **headers: str) -> Fault:
    """A body of any kind."""
    return lambda handler: handler.send(200, data, {name.replace("_", "-"): v for name, v in headers.items()})


def silence(until: threading.Event) -> Fault:
    """A beginning, and then no more until the event is set."""

    def fault(handler: Handler) -> None:
        handler.send(200, b"[", {"content-length": "100"})
        until.wait(30)
        handler.close_connection = True

    return fault


@contextlib.contextmanager
def serving() -> Iterator[FakeGitHub]:
    """An empty one, until the block ends; what broke the description fails the test."""
    hub = FakeGitHub()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
        assert hub.violations == []
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
