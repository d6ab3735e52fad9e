"""See expected.txt."""


def build(root, roots):
    roots.append(root, "providers/acme.yaml", "slogan: fastest\n")
