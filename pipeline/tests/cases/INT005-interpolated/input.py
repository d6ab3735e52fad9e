"""See expected.txt."""

import random


def build(root, roots):
    rng = random.Random(1)
    made = [
        roots.odd_gaps(rng, 20),
        [2 * roots.MS + 1] * 20,
        roots.odd_gaps(rng, 20),
        roots.odd_gaps(rng, 20),
    ]
    requests = [roots.stamped_request(i, rng, each) for i, each in enumerate(made)]
    roots.change_requests(root, roots.CLAIM, lambda found: found.__setitem__(slice(None), requests))
