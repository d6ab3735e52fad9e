"""See expected.txt."""


def build(root, roots):
    roots.seat(root)
    path = f"{roots.GOVERNANCE}/members/person-303.yaml"
    roots.edit(root, path, "organisation: institute-303", "organisation: example-fund")
    roots.edit(root, f"{roots.GOVERNANCE}/organisations.yaml", "share: 0.4", "share: 0.6")
    roots.add_event(root, roots.ROUNDS, "disputed", "2026-03-20T10:00:00Z")
    roots.add_event(root, roots.ROUNDS, "upheld", "2026-03-21T10:00:00Z", approvals=roots.PANEL)
