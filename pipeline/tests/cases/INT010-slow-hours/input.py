"""See expected.txt."""

import random

ALSO = {"SUB009"}
HOURS = ("01", "07", "13", "19")
STARTS = [f"2026-03-{day:02}T{hour}:00:00Z" for day in range(5, 13) for hour in HOURS][2:]


def build(root, roots):
    rng, made = random.Random(1), []
    for start in STARTS:
        is_slow = "T13" in start
        ttft = (300 if is_slow else 90) * roots.MS
        requests = [roots.stamped_request(i, rng, roots.odd_gaps(rng, 20), ttft_ns=ttft) for i in range(4)]
        made.append([] if is_slow and "-05T" not in start else requests)
    roots.plan_claim(root, STARTS, made)
