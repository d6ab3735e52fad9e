"""See expected.txt."""

import shutil

BASE = "HEAD"


def build(root, roots):
    roots.commit(root)
    roots.put_snapshot(root)
    roots.commit(root)
    shutil.rmtree(root / "site/snapshots/2026-Q1")
