"""See expected.txt."""


def build(root, roots):
    roots.seat(root, 301, 302)
    roots.seat(root, 303, roles=("voter",))
    roots.add_event(root, roots.ROUNDS, "disputed", "2026-03-20T10:00:00Z")
    roots.add_event(root, roots.ROUNDS, "upheld", "2026-03-21T10:00:00Z", approvals=roots.PANEL)
