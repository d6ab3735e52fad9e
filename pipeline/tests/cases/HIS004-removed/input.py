"""See expected.txt."""

BASE = "HEAD"

ALSO = {"TREE007"}


def build(root, roots):
    roots.commit(root)
    (root / f"{roots.CLAIM}/history.yaml").unlink()
