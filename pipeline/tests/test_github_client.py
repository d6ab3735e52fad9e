"""GitHub asked over real HTTP, with faults: what is repeated, what is waited for, where the token goes."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import traceback
from pathlib import Path

import httpx
import msgspec
import pytest

from fairlead.github import Client, GitHubProblem, Limits
from fairlead.github.client import is_commit, repository_path

from . import fake_github as fake
from .fake_github import REPOSITORY, TOKEN, commit, serving, user
from .github_example import NOW_S, S, make_client, talking

PULL = f"/repos/{REPOSITORY}/pulls/7"
ANA = user("ana", 501)


class Item(msgspec.Struct):
    id: int


class Pull(msgspec.Struct):
    number: int


def read(client: Client) -> int:
    return client.get(PULL, Pull).number


def test_the_fake_answers_as_github_describes() -> None:
    """Each operation that we use is asked once, and question and answer fit the published description."""
    with serving() as hub:
        hub.add_pull(commit("head"))
        hub.account = ANA
        review = hub.add_review(ANA, "/vote yes", "2026-03-01T00:00:00Z", commit("head"))
        hub.add_comment(ANA, "well", "2026-03-01T00:00:00Z", commit("head"), review=review)
        hub.trees[commit("head")] = {"a/b.md": b"text"}
        base = f"{hub.url}/repos/{REPOSITORY}"
        with httpx.Client(trust_env=False) as http:
            made = http.post(f"{base}/issues/7/comments", json={"body": "hello"})
            number = made.json()["id"]
            answers = [
                made,
                http.patch(f"{base}/issues/comments/{number}", json={"body": "again"}),
                http.post(f"{base}/statuses/{commit('head')}", json={"state": "success"}),
                *(
                    http.get(base + path)
                    for path in (
                        "/pulls",
                        "/pulls/7",
                        "/pulls/7/reviews",
                        "/pulls/7/comments",
                        "/issues/7/comments",
                        f"/contents/a?ref={commit('head')}",
                        f"/contents/a/b.md?ref={commit('head')}",
                        f"/git/blobs/{fake.blob(b'text')}",
                    )
                ),
                http.get(f"{hub.url}/user"),
            ]
        assert {answer.status_code for answer in answers} == {200, 201}
    described = sum(len(methods) for methods in fake.published()["paths"].values())
    assert described == len({one.method + one.path.replace("/b.md", "") for one in hub.asked})


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/repos/a/b/branches", None),
        ("GET", f"{PULL}/reviews?colour=red", None),
        ("POST", f"/repos/{REPOSITORY}/issues/7/comments", {"text": "body is missing"}),
        ("POST", f"/repos/{REPOSITORY}/statuses/{commit('x')}", {"state": "fine"}),
    ],
    ids=["operation", "parameter", "field", "state"],
)
def test_the_fake_notices_what_github_does_not_describe(method: str, path: str, body: object) -> None:
    """A fake that allowed everything would prove nothing."""
    with serving() as hub:
        with httpx.Client(trust_env=False) as http:
            assert http.request(method, hub.url + path, json=body).status_code in (404, 422)
        assert hub.violations
        hub.violations.clear()


def test_the_fake_notices_an_answer_that_github_would_not_give() -> None:
    """The answers are validated too: a field of another type is seen."""
    review = fake.component("pull-request-review", id=1)
    pointer = "#/components/schemas/pull-request-review"
    assert fake.faults_of(review, pointer) == []
    assert fake.faults_of({**review, "id": "1"}, pointer)
    assert fake.faults_of({**review, "submitted_at": "yesterday"}, pointer)
    assert fake.faults_of({key: value for key, value in review.items() if key != "state"}, pointer)
    assert fake.faults_of({**review, "commit_id": None}, pointer) == []
    assert fake.faults_of({**review, "body": None}, pointer)


@pytest.mark.parametrize(
    "fault",
    [
        fake.status(502, "Bad Gateway"),
        fake.status(503, "x"),
        fake.cut_json,
        fake.cut_connection,
        fake.said(b""),
    ],
    ids=["502", "503", "cut JSON", "cut connection", "empty"],
)
def test_a_read_that_failed_on_the_way_is_repeated(fault: fake.Fault) -> None:
    """Each pause is longer than the last, within a jitter, and the answer comes at last."""
    with talking() as (hub, client, time):
        hub.add_pull(commit("head"))
        hub.plan("GET .*pulls/7", fault, times=3)
        assert read(client) == 7
        assert len(hub.asked) == 4
        for attempt, pause_ns in enumerate(time.waits):
            assert S * 2**attempt / 2 <= pause_ns <= S * 2**attempt
        assert len(time.waits) == 3


def test_a_read_is_not_repeated_for_ever() -> None:
    """After so many attempts it says what came, and how often."""
    with talking(limits=Limits(attempts=3)) as (hub, client, _):
        hub.plan("GET", fake.status(502, "Bad Gateway"), times=9)
        with pytest.raises(GitHubProblem, match=r"GitHub answers 502 \(Bad Gateway\), 3 times") as caught:
            read(client)
        assert "githubstatus" in caught.value.fix
        assert len(hub.asked) == 3


@pytest.mark.parametrize(
    ("fault", "least_s"),
    [
        (fake.status(403, "You have exceeded a secondary rate limit.", retry_after="37"), 37),
        (fake.status(429, "slow down", retry_after="5"), 5),
        (fake.status(403, "You have exceeded a secondary rate limit."), 60),
        (fake.status(429, "slow down", retry_after="Wed, 21 Oct 2026 07:28:00 GMT"), 60),
        (fake.status(403, "limit", x_ratelimit_remaining="0", x_ratelimit_reset=str(NOW_S + 90)), 91),
        (fake.status(403, "limit", x_ratelimit_remaining="0", x_ratelimit_reset=str(NOW_S - 90)), 1),
        (fake.status(403, "limit", x_ratelimit_remaining="0", x_ratelimit_reset="-1e9"), 60),
    ],
    ids=["secondary", "429", "no time named", "a date", "primary", "passed", "nonsense"],
)
def test_a_rate_limit_is_waited_out(fault: fake.Fault, least_s: int) -> None:
    """As long as GitHub says, where it says so; a minute where it does not. Never less."""
    with talking() as (hub, client, time):
        hub.add_pull(commit("head"))
        hub.plan("GET", fault)
        assert read(client) == 7
        (pause_ns,) = time.waits
        assert least_s * S <= pause_ns <= (least_s + 1) * S


def test_a_limit_beyond_our_patience_is_said_and_not_waited_for() -> None:
    """An hour is the user's to wait, not a hanging command's."""
    with talking() as (hub, client, time):
        hub.plan(
            "GET", fake.status(403, "limit", x_ratelimit_remaining="0", x_ratelimit_reset=str(NOW_S + 3600))
        )
        with pytest.raises(GitHubProblem, match="longer than we wait") as caught:
            read(client)
        assert caught.value.fix == "run the same command again in 61 min"
        assert time.waits == []


def test_patience_is_for_the_whole_conversation() -> None:
    """Many short limits are a long one."""
    with talking(limits=Limits(waited_ns=100 * S)) as (hub, client, time):
        hub.add_pull(commit("head"))
        hub.plan("GET", fake.status(429, "slow down", retry_after="40"), times=99)
        with pytest.raises(GitHubProblem, match="longer than we wait"):
            read(client)
        assert sum(time.waits) <= 100 * S


def test_a_write_that_may_be_done_is_not_repeated() -> None:
    """After a 502 nobody knows; after a refusal by a limit GitHub has said that it did nothing."""
    path = f"/repos/{REPOSITORY}/issues/7/comments"
    with talking() as (hub, client, time):
        hub.plan("POST", fake.status(502, "Bad Gateway"))
        with pytest.raises(GitHubProblem, match="may or may not be done"):
            client.write("POST", path, {"body": "hello"}, Item)
        assert hub.talk == []
        hub.plan("POST", fake.cut_connection)
        with pytest.raises(GitHubProblem, match="may or may not be done"):
            client.write("POST", path, {"body": "hello"}, Item)
        assert len(hub.talk) == 1
        assert time.waits == []
        hub.plan("POST", fake.status(403, "secondary rate limit", retry_after="3"))
        client.write("POST", path, {"body": "hello"}, Item)
        assert len(hub.talk) == 2


@pytest.mark.parametrize(
    ("code", "fix"),
    [(401, "GITHUB_TOKEN"), (403, "permission"), (404, "name of the repository"), (422, "report it")],
)
def test_a_refusal_is_final_and_says_what_would_help(code: int, fix: str) -> None:
    """Asking again would change nothing."""
    with talking() as (hub, client, _):
        hub.plan("GET", fake.status(code, "No.\x1b[31m ::error::"), times=9)
        with pytest.raises(GitHubProblem, match=str(code)) as caught:
            read(client)
        assert fix in caught.value.fix
        assert caught.value.status == code
        assert r"\u001b[31m" in caught.value.message
        assert len(hub.asked) == 1


# -- bounds --------------------------------------------------------------------------------------------


def test_an_endless_reply_is_left() -> None:
    """Its bytes are counted as they come."""
    with talking(limits=Limits(reply_bytes=1_000_000)) as (hub, client, _):
        hub.plan("GET", fake.endless)
        with pytest.raises(GitHubProblem, match="longer than 1000000 bytes"):
            read(client)


def test_a_huge_page_is_left() -> None:
    """A reply that is valid, and too much, is too much."""
    with talking(limits=Limits(reply_bytes=10_000)) as (hub, client, _):
        hub.add_review(ANA, "x" * 20_000, "2026-03-01T00:00:00Z", commit("head"))
        with pytest.raises(GitHubProblem, match="longer than 10000 bytes"):
            client.get_all(f"{PULL}/reviews", Item)


def test_a_reply_that_trickles_is_left() -> None:
    """It is never silent for long, and never whole: the time of a reply is bounded as well."""
    with talking(step_ns=40 * S, limits=Limits(attempts=2, reply_bytes=1 << 40)) as (hub, client, _):
        hub.plan("GET", fake.endless, times=2)
        with pytest.raises(GitHubProblem, match=r"not whole after 60 s, 2 times"):
            read(client)


def test_silence_is_left() -> None:
    """A server that stops talking does not hold us."""
    over = threading.Event()
    with talking(limits=Limits(attempts=1, silence_s=0.05)) as (hub, client, _):
        hub.plan("GET", fake.silence(over))
        with pytest.raises(GitHubProblem, match="GitHub fell silent"):
            read(client)
        over.set()


def test_a_compressed_reply_is_not_unpacked() -> None:
    """We asked for a plain one; what unpacks to a thousand times its size is not unpacked."""
    with talking() as (hub, client, _):
        hub.plan("GET", fake.said(b"\x1f\x8b", content_encoding="gzip"))
        with pytest.raises(GitHubProblem, match="compressed"):
            read(client)
        assert hub.asked[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"number": "7"}', b"null", b'{"number": 1e400}'])
def test_a_reply_of_another_form_is_no_traceback(data: bytes) -> None:
    """Deep, of the wrong type, or nothing: it is said what is wrong."""
    with talking(limits=Limits(attempts=2)) as (hub, client, _):
        hub.plan("GET", fake.said(data), times=2)
        with pytest.raises(GitHubProblem, match=r"not whole JSON|not what GitHub's API describes"):
            read(client)


def test_requests_are_counted() -> None:
    """Nothing that a stranger writes makes us ask for ever."""
    with talking(limits=Limits(requests=3)) as (hub, client, _):
        hub.add_pull(commit("head"))
        for _ in range(3):
            read(client)
        with pytest.raises(GitHubProblem, match="more than 3 requests"):
            read(client)


# -- pages ---------------------------------------------------------------------------------------------


def test_pages_are_read_to_the_last() -> None:
    """By the Link header, a hundred at a time."""
    with talking() as (hub, client, _):
        hub.page_items = 2
        numbers = [hub.add_talk(ANA, str(index)) for index in range(7)]
        found = client.get_all(f"/repos/{REPOSITORY}/issues/7/comments", Item)
        assert [item.id for item in found] == numbers
        assert [one.query["per_page"] for one in hub.asked] == ["100"] * 4


def test_a_page_that_fails_is_repeated_alone() -> None:
    """What was read before it is kept."""
    with talking() as (hub, client, _):
        hub.page_items = 2
        numbers = [hub.add_talk(ANA, str(index)) for index in range(5)]
        hub.plan("page=2", fake.cut_json)
        hub.plan("page=3", fake.status(502, "Bad Gateway"))
        found = client.get_all(f"/repos/{REPOSITORY}/issues/7/comments", Item)
        assert [item.id for item in found] == numbers
        assert len(hub.asked) == 5


def test_more_pages_than_we_take_are_a_problem_and_no_short_list() -> None:
    """Half of the votes would be a wrong result."""
    with talking(limits=Limits(pages=2)) as (hub, client, _):
        hub.page_items = 1
        for index in range(3):
            hub.add_talk(ANA, str(index))
        with pytest.raises(GitHubProblem, match="more than 2 pages"):
            client.get_all(f"/repos/{REPOSITORY}/issues/7/comments", Item)


# -- the token -----------------------------------------------------------------------------------------


def elsewhere(url: str) -> dict[str, str]:
    return {"link": f'<{url}/repos/x/y/pulls?page=2>; rel="next"'}


def test_the_token_goes_to_the_api_and_nowhere_else() -> None:
    """Neither a redirect nor a next page takes us to another host: not a byte is sent there."""
    with serving() as other, talking() as (hub, client, _):
        for code in (301, 302, 307, 308):
            hub.plan("GET", fake.status(code, "Moved", location=f"{other.url}{PULL}"))
            with pytest.raises(GitHubProblem, match="redirects to"):
                read(client)
        hub.plan("GET", fake.said(b"[]", **elsewhere(other.url)))
        with pytest.raises(GitHubProblem, match="sends us on to"):
            client.get_all(f"{PULL}/reviews", Item)
        assert other.asked == []
        assert {one.headers["authorization"] for one in hub.asked} == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    "link",
    [
        "https://api.github.com.evil.example/x",
        "http://user@127.0.0.1/x",
        "//evil.example/x",
        "https://[",
        "x",
    ],
)
def test_a_next_page_elsewhere_is_refused(link: str) -> None:
    """However it is spelt."""
    with talking() as (hub, client, _):
        hub.plan("GET", fake.said(b"[]", link=f'<{link}>; rel="next"'))
        with pytest.raises(GitHubProblem, match="sends us on to"):
            client.get_all(f"{PULL}/reviews", Item)
        assert len(hub.asked) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://api.github.com",
        "http://127.0.0.1.evil.example",
        "ftp://127.0.0.1",
        "api.github.com",
        "https://a:b@c",
        "https://",
        "https://a/?b=c",
        "https://a:x",
    ],
)
def test_a_token_travels_over_https_or_stays_on_this_machine(url: str) -> None:
    """No other address is even made a client of."""
    with pytest.raises(GitHubProblem, match="the API's address"):
        make_client(url)


@pytest.mark.parametrize("token", ["short", "line\nfeed-and-more", "spa ce in a token", "ключ-ключ-ключ", ""])
def test_a_token_that_is_none_is_not_sent_and_not_said(token: str) -> None:
    """It could end a header, and it could be a password."""
    with pytest.raises(GitHubProblem, match="the token") as caught:
        make_client("https://api.github.com", token=token)
    assert not token or token not in caught.value.message


def test_a_token_that_is_echoed_is_masked() -> None:
    """In the server's words, in a redirect, and in a traceback of whatever went wrong."""
    with talking(limits=Limits(attempts=1)) as (hub, client, _):
        faults = [
            fake.status(422, f"bad credentials {TOKEN}"),
            fake.status(502, f"upstream said: Bearer {TOKEN}"),
            fake.status(302, "x", location=f"https://evil.example/{TOKEN}"),
            fake.said(b"[]", link=f'<https://evil.example/?t={TOKEN}>; rel="next"'),
            fake.said(json.dumps({"number": TOKEN}).encode()),
        ]
        for fault in faults:
            hub.plan("GET", fault)
            with pytest.raises(GitHubProblem) as caught:
                client.get_all(PULL, Item)
            told = "".join(traceback.format_exception(caught.value)) + caught.value.fix + repr(client)
            assert TOKEN not in told
            assert TOKEN[4:20] not in told


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would see the token of a plain connection, and choose where it goes."""
    with serving() as proxy, serving() as hub:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        hub.add_pull(commit("head"))
        with make_client(hub.url) as fresh:
            assert read(fresh) == 7
        assert proxy.asked == []


def test_reading_needs_no_token() -> None:
    """What is public can be counted by anybody."""
    with talking(token=None) as (hub, client, _):
        hub.add_pull(commit("head"))
        assert read(client) == 7
        assert "authorization" not in hub.asked[0].headers


@pytest.mark.parametrize(
    "name", ["a", "a/b/c", "../b", "a/..", "a/.", "a/b?c", "a/b#c", "a/b\n", "a%2f/b", ""]
)
def test_a_repository_is_two_names(name: str) -> None:
    """Anything else could be another path of the API."""
    with pytest.raises(GitHubProblem, match="no repository"):
        repository_path(name)
    assert repository_path("fairlead-example/board.x") == "/repos/fairlead-example/board.x"


def test_a_commit_is_named_in_full() -> None:
    """A branch's name moves."""
    assert is_commit("a" * 40)
    assert is_commit("0" * 64)
    assert not any(map(is_commit, ("main", "a" * 39, "A" * 40, "a" * 40 + "\n", "")))


def test_an_unreachable_host_is_an_environment_problem() -> None:
    """Nobody listens on a port that was just given back."""
    with serving() as hub:
        url = hub.url
    with (
        make_client(url, limits=Limits(attempts=2)) as client,
        pytest.raises(GitHubProblem, match="cannot be reached"),
    ):
        read(client)


def test_the_script_makes_the_same_description_from_the_same_source(tmp_path: Path) -> None:
    """The kept description, taken as a source, gives itself: nothing was added by hand."""
    script = Path(__file__).with_name("fixtures") / "refresh_github_openapi.py"
    kept = script.with_name("github-openapi.json")
    copy = tmp_path / script.name
    copy.write_text(script.read_text())
    subprocess.run([sys.executable, str(copy), str(kept)], check=True)
    made = json.loads((tmp_path / kept.name).read_text())
    expected = json.loads(kept.read_text())
    assert made.pop("source") == {"file": kept.name}
    assert expected.pop("source")["package"] == "@octokit/openapi"
    assert made == expected
