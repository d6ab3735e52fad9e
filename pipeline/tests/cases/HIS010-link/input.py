"""See expected.txt."""

BASE = "HEAD"


def build(root, roots):
    roots.commit(root)
    roots.put_snapshot(root)
    (root / "site/snapshots/2026-Q1/figures.csv").unlink()
    (root / "site/snapshots/2026-Q1/figures.csv").symlink_to("/etc/passwd")
    (root / "site/snapshots/2025-Q4").symlink_to("/etc")


ALSO = {"HIS005"}
