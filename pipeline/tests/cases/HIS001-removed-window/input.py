"""See expected.txt."""

BASE = "HEAD"

ALSO = {"SUB004"}


def build(root, roots):
    roots.commit(root)
    (root / roots.window_of(root, roots.ROUNDS)).unlink()
    roots.edit(root, f"{roots.ROUNDS}/rounds.yaml", "windows:", "windows:")
