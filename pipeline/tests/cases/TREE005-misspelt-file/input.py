"""See expected.txt."""


def build(root, roots):
    roots.write(root, "methodology/vantage.yaml", "x")
