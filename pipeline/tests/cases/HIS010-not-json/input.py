"""See expected.txt."""

BASE = "HEAD"


def build(root, roots):
    roots.commit(root)
    roots.put_snapshot(root, data=b"[" * 100_000)
