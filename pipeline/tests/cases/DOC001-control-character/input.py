"""See expected.txt."""


def build(root, roots):
    roots.edit(root, "providers/acme.yaml", "name: Acme\n", "name: Ac\x1b[31mme\n")
