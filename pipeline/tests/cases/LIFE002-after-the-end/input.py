"""See expected.txt."""


def build(root, roots):
    roots.add_event(root, roots.CLAIM, "retracted", "2026-03-20T10:00:00Z")
    roots.add_event(root, roots.CLAIM, "disputed", "2026-03-21T10:00:00Z")
