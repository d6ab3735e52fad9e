"""See expected.txt."""


def build(root, roots):
    roots.change_request(root, roots.CLAIM, 2, sent_ns=100 * roots.MS)
