"""See expected.txt."""


def build(root, roots):
    roots.edit(root, "providers/acme.yaml", "status: active", "status: activ")
