"""The numbers of rows, made anew or read back from a cache. Knows no rank and no file of a root.

A number is read back only where all that it depends on is the same: the bytes of every window that counts, in
their order, the rules that their tables were made by, the rules of intervals, the prices, and this very code.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence

import msgspec

from fairlead.cache import Cache
from fairlead.ranking import Estimator, Fetch, Numbers, Sample, estimate_each

WINDOWS_MIN = 96  # below this the numbers are made sooner than a cache is read

_decoder = msgspec.msgpack.Decoder(Numbers)


def estimator(cache: Cache, fetch: Fetch | None = None) -> Estimator:
    """For :func:`fairlead.ranking.build_rows`: numbers that were made before come from ``cache``.

    ``fetch``: called with the windows whose tables are about to be read.
    """

    def estimate(samples: Sequence[Sample]) -> list[Numbers]:
        if sum(len(sample.windows) for sample in samples) < WINDOWS_MIN:
            return estimate_each(samples)
        keys = [_key(sample) for sample in samples]
        known = _recall(cache, keys)
        missing = [place for place, key in enumerate(keys) if key is None or key not in known]
        if fetch is not None:
            fetch(item for place in missing for item in samples[place].windows)
        made = dict(zip(missing, estimate_each([samples[place] for place in missing]), strict=True))
        new = {
            key: msgspec.msgpack.encode(made[place])
            for place, key in enumerate(keys)
            if key is not None and place in made
        }
        cache.keep(new, used={key for key in keys if key is not None})
        return [made[place] if place in made else known[key or b""] for place, key in enumerate(keys)]

    return estimate


def _recall(cache: Cache, keys: Sequence[bytes | None]) -> dict[bytes, Numbers]:
    found: dict[bytes, Numbers] = {}
    for key, value in cache.find({key for key in keys if key is not None}):
        with contextlib.suppress(msgspec.MsgspecError):  # nothing that this code has kept: made anew
            found[key] = _decoder.decode(value)
    return found


def _key(sample: Sample) -> bytes | None:
    """What the numbers depend on, as a digest; None where a window does not say what it was made from."""
    windows = [item.made_from for item in sample.windows]
    if None in windows:
        return None
    depends = (windows, sample.rules, sample.day_seconds, sample.prices, sample.ranked)
    return hashlib.sha256(msgspec.msgpack.encode(depends)).digest()
