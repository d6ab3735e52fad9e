"""See expected.txt."""


def build(root, roots):
    (root / roots.window_of(root, roots.ROUNDS)).unlink()
