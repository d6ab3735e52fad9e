"""What the reference is to do with a request: recomputable by anyone, and distributed as the profile says."""

from __future__ import annotations

import statistics

import msgspec
import pytest

from fairlead.measure.truth import LoggedRequest, ReferenceProfile, Script, read_log, script

NOISY = ReferenceProfile(seed="01", ttft_log_sd=0.4, icl_log_sd=0.3, tokens_per_chunk=3)


def test_the_truth_of_a_request_is_the_same_on_any_machine():
    assert script(NOISY, "ab" * 32, 0, 7) == Script(
        fate="ok", due_ns=(164323894, 176254103, 185674523), tokens=(3, 3, 1)
    )


def test_seed_body_and_occurrence_each_change_the_truth():
    first = script(NOISY, "ab" * 32, 0, 7)
    assert first != script(NOISY, "ab" * 32, 1, 7)
    assert first != script(NOISY, "cd" * 32, 0, 7)
    assert first != script(msgspec.structs.replace(NOISY, seed="02"), "ab" * 32, 0, 7)


def test_a_constant_profile_has_constant_times():
    played = script(ReferenceProfile(ttft_median_ms=20, icl_median_ms=1.5), "00", 0, 4)
    assert played == Script("ok", (20_000_000, 21_500_000, 23_000_000, 24_500_000), (1, 1, 1, 1))


def test_lognormal_times_have_the_median_and_the_spread_that_were_asked_for():
    profile = ReferenceProfile(ttft_median_ms=200, ttft_log_sd=0.5, output_tokens=1)
    times = [script(profile, f"{k:064x}", 0, None).due_ns[0] / 1e6 for k in range(4000)]
    assert statistics.median(times) == pytest.approx(200, rel=0.04)
    ninth = statistics.quantiles(times, n=10)[-1]
    assert ninth == pytest.approx(200 * 2.718281828 ** (0.5 * 1.2815515655), rel=0.06)


def test_the_shares_part_the_requests():
    profile = ReferenceProfile(
        rate_limited_share=0.1,
        server_error_share=0.2,
        stream_error_share=0.1,
        truncated_share=0.1,
        output_tokens=4,
    )
    played = [script(profile, f"{k:064x}", 0, None) for k in range(4000)]
    for fate, share in (("rate_limited", 0.1), ("server_error", 0.2), ("stream_error", 0.1), ("ok", 0.5)):
        assert sum(p.fate == fate for p in played) / 4000 == pytest.approx(share, abs=0.025)
    assert {len(p.due_ns) for p in played if p.fate in ("rate_limited", "server_error")} == {0}
    assert {len(p.due_ns) for p in played if p.fate in ("stream_error", "truncated")} == {2}


def test_a_stall_holds_back_one_chunk_and_all_after_it():
    calm = ReferenceProfile(ttft_median_ms=10, icl_median_ms=1, output_tokens=20)
    stalled = msgspec.structs.replace(calm, stall_share=1.0, stall_ms=500)
    for k in range(20):
        late = [
            b - a
            for a, b in zip(
                script(calm, f"{k:064x}", 0, None).due_ns,
                script(stalled, f"{k:064x}", 0, None).due_ns,
                strict=True,
            )
        ]
        assert late == sorted(late)
        assert set(late) <= {0, 500_000_000}
        assert late[-1] == 500_000_000


@pytest.mark.parametrize(("wanted", "asked", "total"), [(None, None, 128), (None, 5, 5), (9, 5, 9)])
def test_the_length_is_the_profiles_else_the_requests_else_a_default(wanted, asked, total):
    played = script(ReferenceProfile(output_tokens=wanted), "00", 0, asked)
    assert sum(played.tokens) == total


def test_a_chunk_holds_reasoning_or_text_never_both():
    played = script(ReferenceProfile(reasoning_tokens=5, tokens_per_chunk=4), "00", 0, 10)
    assert played.tokens == (4, 1, 4, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ttft_median_ms": -1}, {"ttft_median_ms": float("nan")}, {"icl_log_sd": -0.1}, {"stall_share": 1.1},
        {"rate_limited_share": 0.6, "server_error_share": 0.6}, {"tokens_per_chunk": 0}, {"output_tokens": 0},
        {"reasoning_tokens": -1}, {"stall_ms": 1e12},
    ],
    ids=str,
)  # fmt: skip
def test_a_profile_out_of_range_is_refused(wrong):
    with pytest.raises(ValueError):
        ReferenceProfile(**wrong)


def test_a_profile_survives_json_and_nothing_else_does():
    assert ReferenceProfile.from_json(NOISY.to_json()) == NOISY
    for text in (b"", b"[]", b'{"speed":1}', b'{"seed":1}', b'{"stall_share":2}'):
        with pytest.raises(ValueError):
            ReferenceProfile.from_json(text)


def test_a_torn_last_line_of_a_log_is_left_out(tmp_path):
    entry = LoggedRequest(id="r", body_sha256="ab", occurrence=0, fate="ok", received_ns=1)
    line = msgspec.json.encode(entry) + b"\n"
    (tmp_path / "log").write_bytes(line + line[:-5])
    assert read_log(tmp_path / "log") == [entry]
