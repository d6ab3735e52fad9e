"""See expected.txt."""


def build(root, roots):
    roots.edit(root, "providers/acme.yaml", "schema_version: 1", "schema_version: 2")
