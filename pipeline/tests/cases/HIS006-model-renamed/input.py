"""See expected.txt."""

BASE = "HEAD"


def build(root, roots):
    roots.commit(root)
    roots.edit(root, "methodology/models.yaml", "  - id: reference\n", "  - id: reference-two\n")
