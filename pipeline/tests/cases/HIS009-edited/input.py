"""See expected.txt."""

BASE = "HEAD"


def build(root, roots):
    roots.commit(root)
    roots.put_snapshot(root)
    roots.commit(root)
    roots.edit(root, "site/snapshots/2026-Q1/figures.csv", "-1.5", "-1.4")


ALSO = {"HIS010"}
