"""See expected.txt."""


def build(root, roots):
    (root / f"{roots.ROUNDS}/rounds.yaml").unlink()
