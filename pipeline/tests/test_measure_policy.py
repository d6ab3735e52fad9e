"""A secret in words, an address, a URL, an echo: what the policy says of each. The sockets are elsewhere."""

from __future__ import annotations

import base64
import json
import urllib.parse

import msgspec
import pytest

from fairlead.measure.policy import (
    KEY_RING,
    KEYLESS,
    Asked,
    Policy,
    PolicyError,
    Secret,
    SecretError,
    conceal_record,
    key_variable,
    load_secret,
    load_secrets,
    secret_for_url,
    why_not_public,
)
from fairlead.windows import ErrorDetail

from .examples import make_request

KEY = "sk-test-Zq4/Lm8+Vw2_Xr6=Nb0Tk5Jd"
SECRET = Secret(provider="acme", hosts=("api.acme.example", "eu.acme.example:8443"), key=KEY)
WHOLE = {"provider": "acme", "hosts": ["api.acme.example", "eu.acme.example:8443"], "key": KEY}


# --- the secret ---


def test_the_variable_is_named_after_the_provider_and_no_two_providers_share_one():
    assert key_variable("acme-cloud-2") == "FAIRLEAD_KEY_ACME_CLOUD_2"


def test_a_whole_secret_is_loaded():
    assert load_secret(json.dumps(WHOLE), "acme") == SECRET


def test_the_port_443_goes_without_saying():
    text = json.dumps({**WHOLE, "hosts": ["api.acme.example:443", "api.acme.example"]})
    assert load_secret(text, "acme").hosts == ("api.acme.example",)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (KEY, "not JSON"),
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        (json.dumps([WHOLE]), "not JSON of the form"),
        (json.dumps({**WHOLE, "note": "x"}), "not JSON of the form"),
        (json.dumps({"provider": "acme", "key": KEY}), "not JSON of the form"),
        (json.dumps(WHOLE)[:-1] + f', "hosts": ["evil.example"], "key": "{KEY}"}}', "not JSON of the form"),
        (json.dumps({**WHOLE, "provider": "rival"}), "another provider's key"),
        (json.dumps({**WHOLE, "provider": None}), "another provider's key"),
        (json.dumps({**WHOLE, "key": None}), "`key` has not between"),
        (json.dumps({**WHOLE, "key": "Zq4Lm8Vw2"}), "`key` has not between"),
        (json.dumps({**WHOLE, "key": KEY + "\r\nx-evil: 1"}), "`key` holds characters other"),
        (json.dumps({**WHOLE, "key": KEY + "\n"}), "`key` holds characters other"),
        (json.dumps({**WHOLE, "key": "x" * 32}), "placeholder"),
        (json.dumps({**WHOLE, "hosts": []}), "not a list of 1 to"),
        (json.dumps({**WHOLE, "hosts": "api.acme.example"}), "not a list of 1 to"),
        (json.dumps({**WHOLE, "hosts": ["a.example"] * 17}), "not a list of 1 to"),
    ],
)
def test_a_secret_that_cannot_be_used_is_explained_and_never_quoted(text, problem):
    with pytest.raises(SecretError, match=problem) as caught:
        load_secret(text, "acme")
    assert KEY[:12] not in str(caught.value)
    assert caught.value.__cause__ is None
    assert all(words.startswith("FAIRLEAD_KEY_ACME: ") for words in caught.value.problems)


@pytest.mark.parametrize(
    "host",
    [
        "*.acme.example",
        "https://api.acme.example",
        "api.acme.example.",
        "API.acme.example",
        "api.acme.example/v1",
        "user@api.acme.example",
        "api.acme.example:0",
        "api.acme.example:65536",
        "api.acme.example:",
        "localhost",
        "127.0.0.1",
        "93.184.216.34",
        "[::1]",
        "2130706433",
        "api..example",
        "-api.acme.example",
        "äpi.acme.example",
        "api.acme.example\n",
        "a." * 130 + "example",
        "",
        None,
    ],
)
def test_only_an_exact_host_name_can_be_listed(host):
    with pytest.raises(SecretError, match="`hosts`, number 2"):
        load_secret(json.dumps({**WHOLE, "hosts": ["api.acme.example", host]}), "acme")


def test_every_problem_of_a_secret_is_told_at_once():
    with pytest.raises(SecretError) as caught:
        load_secret(json.dumps({"provider": "x", "hosts": [], "key": ""}), "acme")
    assert len(caught.value.problems) == 3


def test_nothing_that_prints_a_secret_or_a_policy_prints_the_key():
    for shown in (repr(SECRET), str(SECRET), f"{Policy(SECRET)}", repr(Policy(SECRET))):
        assert "acme" in shown
        assert KEY not in shown


# --- the provider's file ---


def test_the_providers_file_can_narrow_the_hosts():
    narrowed = SECRET.narrowed_to(["https://eu.acme.example:8443/v1", None])
    assert narrowed.hosts == ("eu.acme.example:8443",)


@pytest.mark.parametrize(
    "added",
    ["https://evil.example/v1", "https://api.acme.example.evil.example", "https://api.acme.example:8443"],
)
def test_the_providers_file_can_never_widen_the_hosts(added):
    """Neither in one change, beside the true host, nor in two, of which the second drops the true one."""
    assert SECRET.narrowed_to(["https://api.acme.example/v1", added]).hosts == ("api.acme.example",)
    with pytest.raises(SecretError, match=r"bound to api\.acme\.example"):
        SECRET.narrowed_to([added])
    narrowed = SECRET.narrowed_to(["https://api.acme.example/v1"])
    with pytest.raises(SecretError):
        narrowed.narrowed_to([added, "https://eu.acme.example:8443/v1"])


@pytest.mark.parametrize(
    "url",
    [
        "http://api.acme.example/v1",
        "https://user:word@api.acme.example/v1",
        "https://@api.acme.example/v1",
        "https://api.acme.example:99999/v1",
        "https://[::1",
        "https:///v1",
        "api.acme.example",
        "https://api.acme.example.",
    ],
)
def test_a_base_url_that_no_key_may_go_to_names_no_host(url):
    with pytest.raises(SecretError):
        SECRET.narrowed_to([url])


def test_secrets_come_out_of_the_environment_by_provider_and_narrowed():
    environment = {
        key_variable("acme"): json.dumps(WHOLE),
        "FAIRLEAD_KEY_OTHER": "never read",
        "PATH": "/bin",
    }
    found = load_secrets(
        environment, {"acme": ["https://api.acme.example/v1"], "rival": ["https://rival.example"]}
    )
    assert set(found) == {"acme"}
    assert found["acme"].hosts == ("api.acme.example",)


def test_the_problems_of_all_secrets_are_told_together():
    environment = {key_variable("acme"): "x", key_variable("rival"): json.dumps(WHOLE)}
    with pytest.raises(SecretError) as caught:
        load_secrets(environment, {"acme": [], "rival": []})
    assert [words.partition(":")[0] for words in caught.value.problems] == [
        "FAIRLEAD_KEY_ACME",
        "FAIRLEAD_KEY_RIVAL",
    ]


def test_a_key_typed_beside_a_url_is_bound_to_its_host_and_port():
    assert secret_for_url(KEY + "\n", "https://API.acme.example/v1").hosts == ("api.acme.example",)
    assert secret_for_url(KEY, "https://api.acme.example:8443").hosts == ("api.acme.example:8443",)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.acme.example",
        "https://127.0.0.1:8443",
        "https://localhost",
        "https://u:p@api.acme.example",
    ],
)
def test_a_key_typed_beside_a_url_needs_https_and_a_host_name(url):
    with pytest.raises(SecretError, match="https URL with a host name"):
        secret_for_url(KEY, url)


# --- addresses ---


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "2001:4860:4860::8888", "64:ff9b::5db8:d822"]
)
def test_a_public_address_is_public(address):
    assert why_not_public(address) is None


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.1.2.3",
        "168.63.129.16", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.1",
        "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
        "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:93.184.216.34", "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1",
        "2001:db8::1", "2002:7f00:1::", "2002:a00:1::", "2002:5db8:d822::", "3ffe::1", "3fff::1", "5f00::1",
        "fc00::1", "fd00:ec2::254", "fd20:ce::254", "fe80::1", "fe80::1%lo", "2606:4700::1111%lo", "fec0::1",
        "ff02::1",
        "2130706433", "127.1", "0x7f.0.0.1", "localhost", "",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_refused_with_a_key(address):
    assert why_not_public(address) is not None
    with pytest.raises(PolicyError, match="must not see a key"):
        Policy(SECRET).check_address(address)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "10.0.0.1", "192.168.1.4", "fd12:3456::1", "93.184.216.34"]
)
def test_without_a_key_loopback_and_private_addresses_are_allowed(address):
    KEYLESS.check_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "169.254.170.2", "168.63.129.16", "100.100.100.200", "192.0.0.192",
        "fd00:ec2::254", "fd20:ce::254", "fe80::1", "fe80::1%lo", "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "224.0.0.1", "ff02::1",
    ],
)  # fmt: skip
def test_even_without_a_key_no_machines_own_credentials_can_be_asked_for(address):
    with pytest.raises(PolicyError):
        KEYLESS.check_address(address)


# --- requests ---


def asked(url: str = "https://api.acme.example/v1/chat", **headers: str) -> Asked:
    parts = urllib.parse.urlsplit(url)
    path = (parts.path + ("?" + parts.query if parts.query else "")).encode()
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Asked(parts.scheme, parts.hostname or "", parts.port or 443, b"", path, raw)


def test_a_request_to_a_listed_host_is_allowed():
    Policy(SECRET).check_request(asked(host="api.acme.example"))
    Policy(SECRET).check_request(asked("https://eu.acme.example:8443/v1", host="eu.acme.example:8443"))


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (asked("http://api.acme.example/v1"), "over https only"),
        (asked("https://evil.example/v1"), "bound to"),
        (asked("https://api.acme.example:8443/v1"), "bound to"),
        (asked("https://eu.acme.example/v1"), "bound to"),
        (asked("https://api.acme.example./v1"), "bound to"),
        (asked(host="evil.example"), "Host header"),
        (asked(f"https://api.acme.example/v1?k={urllib.parse.quote(KEY, safe='')}"), "stands in the URL"),
        (asked(f"https://api.acme.example/{base64.b64encode(KEY.encode()).decode()}"), "stands in the URL"),
        (asked(authorization="Bearer x"), "only the policy adds a key"),
        (asked(X_API_Key="x"), "only the policy adds a key"),
        (asked("https://api.acme.example/v1?alt=sse&Key=x"), "parameter key"),
        (asked("https://api.acme.example/v1?a;access%5Ftoken=x"), "parameter access_token"),
        (asked()._replace(userinfo=b"api.acme.example"), "user name"),
    ],
)
def test_a_request_that_must_not_carry_the_key_is_refused(request_, reason):
    with pytest.raises(PolicyError, match=reason) as caught:
        Policy(SECRET).check_request(request_)
    assert KEY[:12] not in str(caught.value)


def test_without_a_key_http_is_allowed_and_a_credential_in_the_url_is_not():
    KEYLESS.check_request(asked("http://127.0.0.1:8377/v1?alt=sse"))
    with pytest.raises(PolicyError, match="looks like a credential"):
        KEYLESS.check_request(asked("http://127.0.0.1:8377/v1?api_key=x"))
    assert KEYLESS.credential() is None


def test_the_key_stands_in_the_header_that_the_api_wants():
    assert Policy(SECRET).credential() == (b"authorization", b"Bearer " + KEY.encode())
    assert Policy(SECRET, auth=lambda key: ("x-api-key", key)).credential() == (b"x-api-key", KEY.encode())


# --- the record ---


def test_a_record_hides_what_a_stream_spelled_out_and_keeps_its_lengths():
    calls = json.dumps([{"index": 0, "id": "", "name": "f", "arguments": json.dumps({"k": KEY})}])
    told = make_request(i=0)
    told = msgspec.structs.replace(
        told,
        text=f"it is {KEY}",
        reasoning=f"say {KEY}",
        tool_calls=calls,
        finish=KEY,
        provider_request_id=f"req-{KEY}",
        error=ErrorDetail(code=KEY, message=f"wrong key {KEY}"),
    )
    hidden = conceal_record(told, SECRET)
    assert not SECRET.appears_in(msgspec.json.encode(hidden))
    assert hidden.text == "it is " + "*" * len(KEY)
    assert len(json.loads(hidden.tool_calls or "")) == 1
    untouched = make_request(i=0)
    assert conceal_record(untouched, SECRET) == untouched


def test_a_ring_holds_the_keys_of_several_providers_and_each_is_judged_as_if_it_stood_alone():
    rival = {"provider": "rival", "hosts": ["rival.example"], "key": "k-rival-0123456789abcdef"}
    addresses = {"acme": ["https://api.acme.example/v1"], "rival": ["https://rival.example"], "third": []}
    found = load_secrets({KEY_RING: json.dumps([WHOLE, rival])}, addresses)
    assert {name: secret.hosts for name, secret in found.items()} == {
        "acme": ("api.acme.example",),
        "rival": ("rival.example",),
    }
    # A host that the provider's file names and the secret does not is never reached.
    moved = {**addresses, "rival": ["https://elsewhere.example"]}
    with pytest.raises(SecretError, match="bound to rival"):
        load_secrets({KEY_RING: json.dumps([WHOLE, rival])}, moved)


@pytest.mark.parametrize(
    "ring",
    ["", "{}", "[1]", '[{"provider": 1}]', json.dumps([WHOLE, WHOLE]), "[" * 100_000],
    ids=["empty", "no list", "no secret", "no name", "twice", "deep"],
)
def test_a_ring_that_is_none_is_refused_and_none_of_it_is_quoted(ring):
    with pytest.raises(SecretError) as caught:
        load_secrets({KEY_RING: ring}, {"acme": ["https://api.acme.example"]})
    assert KEY not in str(caught.value.problems)


def test_a_provider_with_two_secrets_has_none():
    environment = {KEY_RING: json.dumps([WHOLE]), key_variable("acme"): json.dumps(WHOLE)}
    with pytest.raises(SecretError, match="both hold a key of acme"):
        load_secrets(environment, {"acme": ["https://api.acme.example"]})
