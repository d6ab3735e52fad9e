"""See expected.txt."""

import itertools
import random

STARTS = ("2026-03-05T10:00:00Z", "2026-03-05T16:00:00Z")


def rounded(roots, request):
    stamps = [sum(request.chunk_ns[: end + 1]) // roots.MS * roots.MS for end in range(len(request.chunk_ns))]
    gaps = [later - earlier for earlier, later in itertools.pairwise(stamps)]
    changes = {"chunk_ns": [stamps[0], *gaps], "headers_ns": stamps[0] - 1}
    return roots.replace(request, **changes)


def build(root, roots):
    rng = random.Random(1)
    made = [
        [rounded(roots, roots.stamped_request(i, rng, roots.odd_gaps(rng, 30, 7_300_000))) for i in range(4)]
        for _ in STARTS
    ]
    roots.plan_claim(root, STARTS, made)
