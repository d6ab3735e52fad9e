"""See expected.txt."""


def build(root, roots):
    roots.change_request(root, roots.IMPORTED, 1, chunk_ns=[300_000_000, 100_000_000])
