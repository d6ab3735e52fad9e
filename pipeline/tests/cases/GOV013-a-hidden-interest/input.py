"""See expected.txt."""

ALSO = {"SUB020"}


def build(root, roots):
    interest = "interests:\n  - kind: equity\n    party: acme-corporation\n    amount_band: none\n"
    interest += "    from: 2025-01-01\n    until: null\n    source: A register.\n    notes: null\n"
    roots.edit(root, "methodology/governance/members/ada.yaml", "interests: []\n", interest)
