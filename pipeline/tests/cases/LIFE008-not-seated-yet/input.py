"""See expected.txt."""


def build(root, roots):
    roots.seat(root)
    roots.edit(
        root, f"{roots.GOVERNANCE}/members/person-303.yaml", "seated: 2026-01-01", "seated: 2026-03-22"
    )
    roots.add_event(root, roots.ROUNDS, "disputed", "2026-03-20T10:00:00Z")
    roots.add_event(root, roots.ROUNDS, "upheld", "2026-03-21T10:00:00Z", approvals=roots.PANEL)
