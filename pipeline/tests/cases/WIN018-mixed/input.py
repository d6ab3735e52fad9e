"""See expected.txt."""


def build(root, roots):
    roots.change_request(root, roots.IMPORTED, 1, sent_ns=5)
