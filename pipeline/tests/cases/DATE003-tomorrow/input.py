"""See expected.txt."""


def build(root, roots):
    roots.edit(root, "providers/acme.yaml", "  date: 2026-01-05", "  date: 2026-04-02")
