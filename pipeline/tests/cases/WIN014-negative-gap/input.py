"""See expected.txt."""


def build(root, roots):
    roots.change_request(root, roots.ROUNDS, 2, chunk_ns=[500 * roots.MS, -1, 20 * roots.MS])
