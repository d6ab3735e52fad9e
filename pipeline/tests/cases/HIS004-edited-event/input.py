"""See expected.txt."""

BASE = "HEAD"


def build(root, roots):
    roots.commit(root)
    roots.edit(root, f"{roots.CLAIM}/history.yaml", "Measured as registered.", "Measured twice.")
