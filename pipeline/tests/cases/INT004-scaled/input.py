"""See expected.txt."""

import random


def build(root, roots):
    rng = random.Random(1)
    gaps = roots.odd_gaps(rng, 20)
    faster = [round(0.9 * gap) for gap in gaps]
    made = [gaps, roots.odd_gaps(rng, 20), faster, roots.odd_gaps(rng, 20)]
    requests = [roots.stamped_request(i, rng, each) for i, each in enumerate(made)]
    roots.change_requests(root, roots.CLAIM, lambda found: found.__setitem__(slice(None), requests))
