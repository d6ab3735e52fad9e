"""Certificates where no client is judged: taken once a load, dated when asked for. Knows no test."""

from __future__ import annotations

import functools

import msgspec

from fairlead import demo, windows
from fairlead.clock import SystemClock
from fairlead.measure.calibrate import Calibrated, LoadShape
from fairlead.measure.certificate import encode_report, summary

_taken = functools.cache(demo.short_certificate)


def dated(shape: LoadShape) -> Calibrated:
    """What was really measured of this machine's client at this load, as if it had been a moment ago."""
    report = msgspec.structs.replace(_taken(shape).report, taken_unix_ns=SystemClock.unix_ns())
    data = encode_report(report)
    return Calibrated(report, summary(report, windows.digest(data)), data)
