"""See expected.txt."""


def build(root, roots):
    (root / roots.window_of(root, roots.CLAIM, 1)).unlink()
    roots.reseal(root, roots.CLAIM)
