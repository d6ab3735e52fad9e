"""See expected.txt."""

import random

STARTS = [f"2026-03-05T{hour}:{minute}:00Z" for hour in range(10, 17) for minute in ("00", "30")]
TTFTS = (80, 90, 110, 130)


def build(root, roots):
    rng, made = random.Random(1), []
    for _ in STARTS:
        ttfts = rng.sample(TTFTS, 4)
        made.append(
            [
                roots.stamped_request(i, rng, roots.odd_gaps(rng, 20), ttft_ns=ttft * roots.MS)
                for i, ttft in enumerate(ttfts)
            ]
        )
    roots.plan_claim(root, STARTS, made)
