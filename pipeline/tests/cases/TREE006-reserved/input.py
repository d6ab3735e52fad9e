"""See expected.txt."""


def build(root, roots):
    roots.write(root, "providers/neutral.yaml", "x")
