"""See expected.txt."""


def build(root, roots):
    roots.change_request(root, roots.ROUNDS, 2, sent_ns=None)
