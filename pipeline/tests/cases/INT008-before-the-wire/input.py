"""See expected.txt."""

import random

STARTS = [f"2026-03-05T{hour}:{minute}:00Z" for hour in range(10, 17) for minute in ("00", "30")]


def build(root, roots):
    rng = random.Random(1)
    connection = roots.windows.Connection(reused=False, dns_ns=None, tcp_ns=120 * roots.MS, tls_ns=None)
    made = [
        [roots.stamped_request(i, rng, roots.odd_gaps(rng, 20), connection=connection) for i in range(4)]
        for _ in STARTS
    ]
    roots.plan_claim(root, STARTS, made)
