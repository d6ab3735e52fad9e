"""See expected.txt."""

BASE = "HEAD"


def build(root, roots):
    roots.commit(root)
    roots.change_request(root, roots.ROUNDS, 1, provider_request_id="edited")
