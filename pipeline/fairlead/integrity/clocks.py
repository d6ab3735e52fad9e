"""Stamps that no clock gives, and replies that no wire carries. Knows no plan and no other submission."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from scipy import special

from fairlead.integrity.finding import Finding, IntegrityRules, counted
from fairlead.integrity.traces import Trace

_DIGIT_NS = (
    100  # the highest place that a clock of 10 MHz still fills, and far below what a network varies by
)
_DIGITS = 10
_PLACES = _DIGITS * _DIGIT_NS
_EACH = 10  # stamps to each place below a microsecond, so that one without any is none of the clock's


def grid(traces: Sequence[Trace], rules: IntegrityRules, limit: float) -> Iterator[Finding]:
    """More stamps on whole microseconds (``stamp_grid_ns``) than a clock gives that ticks finer.

    Exact, binomial. What the clock itself gives is taken from the data: its step, and how many places below a
    microsecond it reaches. A step that is itself that coarse is a finding whatever else the stamps do.
    """
    stamps = np.concatenate([trace.stamps for trace in traces])
    if len(stamps) < rules.stamps_min:
        return
    step = max(int(np.gcd.reduce(stamps)), 1)
    on_grid = int(np.count_nonzero(stamps % rules.stamp_grid_ns == 0))
    places = np.count_nonzero(np.bincount(stamps % rules.stamp_grid_ns))
    expected = max(step / math.lcm(step, rules.stamp_grid_ns), 1 / places)
    p_value = 0.0 if step >= rules.stamp_grid_ns else _binomial_tail(on_grid, len(stamps), expected)
    if p_value < limit:
        words = (
            f"{on_grid:,} of {len(stamps):,} stamps are whole multiples of {rules.stamp_grid_ns:,} ns, "
            f"{len(stamps) * min(expected, 1):,.0f} would be by chance (p = {p_value:.1g})"
        )
        yield Finding("INT007", traces[0].path, (), words, p_value)


def digits(traces: Sequence[Trace], rules: IntegrityRules, limit: float) -> Iterator[Finding]:
    """The digit of 100 ns is as likely to be any of the ten; chi-squared with nine degrees of freedom.

    A clock of few MHz reaches only some places below a microsecond; each that it reaches is as likely. Where
    client and server share a clock, and the server writes on its beat, the digits lean a little. So
    ``digits_off_min`` of the stamps must be out of place, too.
    """
    stamps = np.concatenate([trace.stamps for trace in traces])
    by_place = np.bincount(stamps % _PLACES, minlength=_PLACES).reshape(_DIGITS, _DIGIT_NS)
    reached = np.count_nonzero(by_place, axis=1)
    if len(stamps) < max(rules.stamps_min, _EACH * _PLACES) or not reached.all():
        return
    counts = by_place.sum(axis=1)
    expected = len(stamps) * reached / reached.sum()
    statistic = float((np.square(counts - expected) / expected).sum())
    p_value = float(special.chdtrc(_DIGITS - 1, statistic))
    off = float(np.abs(counts - expected).sum()) / (2 * len(stamps))
    if p_value < limit and off >= rules.digits_off_min:
        most = int(np.argmax(counts - expected))
        words = (
            f"the digit of 100 ns is {most} in {counts[most]:,} of {len(stamps):,} stamps, by chance it "
            f"would be in {expected[most]:,.0f} (chi-squared {statistic:.0f}, p = {p_value:.1g})"
        )
        yield Finding("INT007", traces[0].path, (), words, p_value)


def wire(traces: Sequence[Trace], rules: IntegrityRules, limit: float) -> Iterator[Finding]:
    """First tokens sooner than the wire: a reply needs one round trip, as a TCP handshake does, and more.

    A window's median TTFT against its shortest handshake, less ``wire_slack_ms`` for our own stamps of it;
    were they alike, one window in two would be below. Exact, by signs of windows.
    """
    pairs = [trace.wire_ns for trace in traces if trace.wire_ns is not None]
    if not pairs:
        return
    below = [
        trace
        for trace in traces
        if trace.wire_ns is not None and trace.wire_ns[1] < trace.wire_ns[0] - rules.wire_slack_ms * 1e6
    ]
    p_value = _binomial_tail(len(below), len(pairs), 0.5)
    if below and p_value < limit:
        handshake, reply = below[0].wire_ns or (0, 0)
        words = (
            f"in {len(below)} of {counted(len(pairs), 'window')} the median first token came sooner than the "
            f"shortest TCP handshake, here after {reply / 1e6:.2f} ms for {handshake / 1e6:.2f} ms "
            f"(p = {p_value:.1g})"
        )
        yield Finding("INT008", below[0].path, (), words, p_value)


def _binomial_tail(count: int, of: int, share: float) -> float:
    """The probability of ``count`` or more of so many."""
    return 1.0 if count <= 0 else float(special.bdtrc(count - 1, of, min(share, 1.0)))
