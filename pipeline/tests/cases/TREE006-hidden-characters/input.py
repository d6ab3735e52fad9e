"""See expected.txt."""


def build(root, roots):
    roots.write(root, "providers/ac\u200bme\n.yaml", "x")
