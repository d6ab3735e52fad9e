"""Wherever a response holds the key, and however it was cut up, the key is masked and nothing else is."""

from __future__ import annotations

import ipaddress
import itertools

from hypothesis import given
from hypothesis import strategies as st

from fairlead.measure.policy import Secret, why_not_public

_KEY_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~+/=:|@-"
_keys = st.text(_KEY_ALPHABET, min_size=16, max_size=80).filter(lambda key: len(set(key.lower())) >= 8)
# Bytes that no key is made of: what stands around it can then not belong to it.
_around = st.binary(max_size=60).map(lambda data: bytes(b for b in data if chr(b) not in _KEY_ALPHABET))


def _cut(data: bytes, places: list[int]) -> list[bytes]:
    cuts = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in itertools.pairwise(cuts)]


@given(_keys, _around, _around, st.lists(st.integers(0, 10_000), max_size=12))
def test_any_cut_of_a_response_hides_the_key_and_keeps_every_other_byte(key, before, behind, places):
    secret = Secret(provider="acme", hosts=("api.acme.example",), key=key)
    data = before + key.encode() + behind
    pieces = _cut(data, places)
    hidden = secret.conceal_pieces(pieces)
    assert [len(piece) for piece in hidden] == [len(piece) for piece in pieces]
    assert b"".join(hidden) == before + b"*" * len(key) + behind


@given(_keys, st.lists(st.integers(1, 9), min_size=1, max_size=80), st.booleans())
def test_any_chunking_of_a_body_hides_the_key_and_keeps_the_framing(key, sizes, upper):
    secret = Secret(provider="acme", hosts=("api.acme.example",), key=key)
    rest, wire, wanted = "<" + key + ">", b"\r\n", b"\r\n"
    while rest:
        size = sizes.pop() if sizes else len(rest)
        part, rest = rest[:size], rest[size:]
        head = (b"%X\r\n" if upper else b"%x\r\n") % len(part)
        wire += head + part.encode() + b"\r\n"
        wanted += head + bytes(ord("*") if chr(b) in _KEY_ALPHABET else b for b in part.encode()) + b"\r\n"
    assert secret.conceal_pieces([wire]) == [wanted]


@given(st.integers(0, 2**32 - 1))
def test_no_private_address_is_public_in_any_ipv6_disguise(number):
    plain = ipaddress.IPv4Address(number)
    if not plain.is_global or plain.is_multicast:
        assert why_not_public(str(plain)) is not None
        assert why_not_public(str(ipaddress.IPv6Address((0x64FF9B << 96) + number))) is not None
    for disguise in (0xFFFF << 32, 0):
        assert why_not_public(str(ipaddress.IPv6Address(disguise + number))) is not None
    assert why_not_public(str(ipaddress.IPv6Address((0x2002 << 112) + (number << 80)))) is not None


@given(st.integers(0, 2**128 - 1))
def test_an_ipv6_address_outside_global_unicast_is_public_only_through_nat64(number):
    address = ipaddress.IPv6Address(number)
    if number >> 125 != 1 and number >> 32 != 0x64FF9B << 64:
        assert why_not_public(str(address)) is not None
