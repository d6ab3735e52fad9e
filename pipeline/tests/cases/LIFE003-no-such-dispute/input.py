"""See expected.txt."""


def build(root, roots):
    roots.add_event(root, roots.CLAIM, "answered", "2026-03-20T10:00:00Z", dispute=2)
