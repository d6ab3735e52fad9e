"""See expected.txt."""


def build(root, roots):
    roots.edit(root, "providers/acme.yaml", "name: Acme\n", "name: Acme \u202egniht gib\u202c\n")
