"""See expected.txt."""


def build(root, roots):
    roots.change_request(root, roots.ROUNDS, 1, headers_ns=100 * roots.MS)
