"""See expected.txt."""


def build(root, roots):
    path = f"{roots.IMPORTED}/history.yaml"
    (root / path).unlink()
    roots.add_event(root, roots.IMPORTED, "withdrawn", "2026-03-01T10:00:00Z")
