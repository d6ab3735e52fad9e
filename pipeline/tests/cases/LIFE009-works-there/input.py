"""See expected.txt."""


def build(root, roots):
    roots.seat(root, 301, 302)
    roots.edit(root, f"{roots.GOVERNANCE}/members/ben.yaml", "  - voter\n", "  - panelist\n")
    roots.add_event(root, roots.ROUNDS, "disputed", "2026-03-20T10:00:00Z")
    roots.add_event(root, roots.ROUNDS, "dismissed", "2026-03-21T10:00:00Z", approvals=[301, 302, 202])
