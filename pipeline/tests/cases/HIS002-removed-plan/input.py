"""See expected.txt."""

BASE = "HEAD"


def build(root, roots):
    path = roots.next_registration(root)
    roots.commit(root)
    (root / path).unlink()
