"""See expected.txt."""

import random

STARTS = ("2026-03-05T10:00:00Z", "2026-03-05T16:00:00Z")


def build(root, roots):
    rng = random.Random(1)
    made = [[roots.odd_gaps(rng, 100) for _ in range(4)] for _ in STARTS]
    made[1][3] = [int(gap * rng.lognormvariate(0, 0.1)) for gap in made[0][1]]
    requests = [[roots.stamped_request(i, rng, each) for i, each in enumerate(window)] for window in made]
    roots.plan_claim(root, STARTS, requests)
