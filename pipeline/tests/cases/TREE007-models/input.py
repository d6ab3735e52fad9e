"""See expected.txt."""


def build(root, roots):
    (root / "methodology/models.yaml").unlink()
