"""See expected.txt."""


def build(root, roots):
    roots.add_event(root, roots.ROUNDS, "disputed", "2026-03-20T10:00:00Z", by={"login": "eve", "id": 9})
    roots.add_event(root, roots.ROUNDS, "suspended", "2026-03-21T10:00:00Z", approvals=[201, 202])
