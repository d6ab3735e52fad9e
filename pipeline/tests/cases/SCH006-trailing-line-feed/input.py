"""See expected.txt."""


def build(root, roots):
    roots.edit(root, "providers/acme.yaml", "  - id: main", '  - id: "main\\n"')
