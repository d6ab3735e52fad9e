"""See expected.txt."""

import random

STARTS = [f"2026-03-05T{hour}:{minute}:00Z" for hour in range(10, 15) for minute in ("00", "30")]


def build(root, roots):
    rng = random.Random(1)
    made = [[roots.stamped_request(i, rng, roots.odd_gaps(rng, 20)) for i in range(4)] for _ in STARTS]
    roots.plan_claim(root, STARTS, made)
    path = roots.window_of(root, roots.ROUNDS)
    window = roots.windows.decode_window((root / path).read_bytes())
    limited = roots.replace(
        window.requests[3],
        outcome=roots.windows.Outcome.RATE_LIMITED,
        status=429,
        finish=None,
        chunk_ns=[],
        chunk_lag_ns=[],
        chunk_kind="",
        chunk_chars=[],
        text=None,
    )
    for hour in range(11, 21):
        header = roots.at_time(window.header, f"2026-03-08T{hour}:00:00Z")
        roots.put_window(root, roots.ROUNDS, header, [*window.requests[:3], limited])
    roots.reseal(root, roots.ROUNDS)
