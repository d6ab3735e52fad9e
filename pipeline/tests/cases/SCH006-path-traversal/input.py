"""See expected.txt."""


def build(root, roots):
    roots.edit(root, f"{roots.CLAIM}/registration.yaml", "vantage: north-1", "vantage: ../../../etc")
