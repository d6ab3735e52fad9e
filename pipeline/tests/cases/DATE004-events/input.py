"""See expected.txt."""


def build(root, roots):
    roots.add_event(root, roots.CLAIM, "withdrawn", "2026-03-05T10:00:00Z")
