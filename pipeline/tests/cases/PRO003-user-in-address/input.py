"""See expected.txt."""


def build(root, roots):
    roots.edit(root, "providers/acme.yaml", "//api.acme.example/v1", "//user:pass@api.acme.example/v1")
