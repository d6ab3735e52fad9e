"""See expected.txt."""


def build(root, roots):
    roots.write(root, "providers/Big Cloud.yaml", "x")
