"""See expected.txt."""


def build(root, roots):
    roots.edit(root, "providers/acme.yaml", "api.acme.example/v1", "169.254.169.254/latest")
