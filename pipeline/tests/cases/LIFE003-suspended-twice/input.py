"""See expected.txt."""


def build(root, roots):
    roots.seat(root, 301, 302)
    roots.add_event(root, roots.ROUNDS, "disputed", "2026-03-10T10:00:00Z")
    for day in ("11", "30"):
        roots.add_event(root, roots.ROUNDS, "suspended", f"2026-03-{day}T10:00:00Z", approvals=[301, 302])
