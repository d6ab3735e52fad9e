"""See expected.txt."""


def build(root, roots):
    roots.edit(root, "providers/acme.yaml", "from: 2026-01-01", "from: 2025-01-01")
