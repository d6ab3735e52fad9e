"""See expected.txt."""


def build(root, roots):
    roots.add_event(root, roots.CLAIM, "withdrawn", "2026-03-20T10:00:00Z", approvals=[201], dispute=1)
