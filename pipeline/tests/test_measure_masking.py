"""An echo of a key: masked in each form and cut, and nothing else is."""

from __future__ import annotations

import base64
import urllib.parse

import pytest

from fairlead.measure.masking import Mask, conceal_shapes

KEY = "sk-test-Zq4/Lm8+Vw2_Xr6=Nb0Tk5Jd"
MASK = Mask(KEY)

SPELLINGS = [
    KEY,
    KEY.upper(),
    KEY.replace("/", r"\/"),
    urllib.parse.quote(KEY, safe=""),
    urllib.parse.quote(KEY, safe="").lower(),
    "".join(f"%{byte:02X}" for byte in KEY.encode()),
    "".join(f"\\u{byte:04x}" for byte in KEY.encode()),
    KEY.encode().hex(),
    base64.b64encode(KEY.encode()).decode(),
    base64.b64encode(b"x" + KEY.encode()).decode(),
    base64.b64encode(b"user:" + KEY.encode() + b"\n").decode(),
    base64.urlsafe_b64encode(KEY.encode()).decode().rstrip("="),
    urllib.parse.quote(base64.b64encode(b"ab" + KEY.encode()).decode(), safe=""),
    KEY[:20],
    KEY[-20:],
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_key_is_masked_in_every_form_and_nothing_else_is(spelling):
    text = f"Grüße: the key «{spelling}» is wrong"
    hidden = MASK.conceal_text(text)
    assert MASK.conceal(text.encode()) != text.encode()
    assert MASK.conceal_text(hidden) is hidden
    assert (len(hidden), hidden[:16], hidden[-10:]) == (len(text), text[:16], text[-10:])
    assert hidden.count("*") >= 0.8 * len(spelling)


def test_text_without_the_key_stays_as_it_is():
    text = "sk-test- is a prefix, Zq4/Lm8 a short piece, and \ud800 half a character"
    assert MASK.conceal_text(text) is text


def test_a_key_split_by_reads_and_by_chunks_is_masked_and_the_framing_stays():
    pieces = [b"HTTP/1.1 401 No\r\ntransfer-encoding: chunked\r\n\r\n"]
    pieces += [b"1;a=b\r\n%c\r\n" % byte for byte in b"key=" + KEY.encode() + b"."]
    pieces += [b"0\r\n\r\n"]
    hidden = MASK.conceal_pieces(pieces)
    assert list(map(len, hidden)) == list(map(len, pieces))
    assert (
        b"".join(hidden) == b"".join(pieces[:5]) + b"1;a=b\r\n*\r\n" * len(KEY) + b"1;a=b\r\n.\r\n0\r\n\r\n"
    )
    assert hidden[0] is pieces[0]


def test_a_response_made_of_keys_is_masked_whole():
    data = b"begin " + (KEY.encode() + b", ") * 5000
    hidden = MASK.conceal(data)
    assert MASK.conceal(hidden) is hidden
    assert (hidden[:6], len(hidden)) == (b"begin ", len(data))


def test_a_response_made_to_be_slow_to_mask_is_masked_whole():
    pieces = [b"HTTP/1.1 200 OK\r\n\r\n", b"1\r\nx\r\n" * 100_001]
    assert MASK.conceal_pieces(pieces) == [b"*" * len(piece) for piece in pieces]


def test_a_key_as_long_as_a_token_is_masked_in_full():
    long = "eyJhbGciOiJIUzI1NiJ9." + base64.urlsafe_b64encode(bytes(range(256)) * 9).decode().rstrip("=")
    assert Mask(long).conceal(b"<" + long.encode() + b">") == b"<" + b"*" * len(long) + b">"


def test_what_looks_like_anybodys_key_is_redacted():
    text = "bad key sk-abcdefghijkl, Bearer abcdefghij and AIza" + "x" * 30
    assert conceal_shapes(text) == "bad key [redacted], [redacted] and [redacted]"
