"""See expected.txt."""

import random

STARTS = ("2026-03-05T10:00:00Z", "2026-03-05T16:00:00Z")


def build(root, roots):
    rng = random.Random(1)
    made = [[roots.stamped_request(i, rng, roots.odd_gaps(rng, 60)) for i in range(4)] for _ in STARTS]
    made[1][3] = roots.replace(made[1][3], text=made[0][1].text)
    roots.plan_claim(root, STARTS, made)
