"""See expected.txt."""

BASE = "HEAD"


def build(root, roots):
    roots.commit(root)
    roots.edit(root, "methodology/versions.yaml", "state: ratified", "state: draft")
