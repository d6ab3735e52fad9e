"""See expected.txt."""


def build(root, roots):
    (root / f"{roots.CLAIM}/registration.yaml").unlink()
