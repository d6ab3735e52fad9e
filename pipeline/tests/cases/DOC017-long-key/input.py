"""See expected.txt."""


def build(root, roots):
    roots.append(root, "providers/acme.yaml", "k" * 101 + ": 1\n")
