"""See expected.txt."""

BASE = "HEAD"
ACTOR = 201


def build(root, roots):
    roots.commit(root)
    roots.next_registration(root)
