"""See expected.txt."""


def build(root, roots):
    roots.edit(root, "providers/acme.yaml", "region: north\n", "region:\n")
