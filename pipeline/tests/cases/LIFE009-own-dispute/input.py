"""See expected.txt."""


def build(root, roots):
    roots.seat(root)
    own = {"login": "person-301", "id": 301}
    roots.add_event(root, roots.ROUNDS, "disputed", "2026-03-20T10:00:00Z", by=own)
    roots.add_event(root, roots.ROUNDS, "upheld", "2026-03-21T10:00:00Z", approvals=roots.PANEL)
