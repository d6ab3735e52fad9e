"""See expected.txt."""


def build(root, roots):
    roots.change_request(root, roots.ROUNDS, 1, done_ns=310 * roots.MS)
