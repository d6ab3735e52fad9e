"""See expected.txt."""


def build(root, roots):
    roots.change_request(root, roots.IMPORTED, 3, ttft_ns=0, e2e_ns=0)
