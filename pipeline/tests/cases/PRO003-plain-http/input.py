"""See expected.txt."""


def build(root, roots):
    roots.edit(root, "providers/acme.yaml", "base_url: https:", "base_url: http:")
