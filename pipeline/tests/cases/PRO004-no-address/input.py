"""See expected.txt."""


def build(root, roots):
    roots.edit(root, "providers/acme.yaml", "base_url: https://api.acme.example/v1", "base_url: null")
