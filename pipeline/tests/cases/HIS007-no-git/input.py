"""See expected.txt."""

BASE = "HEAD"


def build(root, roots):
    pass
