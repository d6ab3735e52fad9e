"""See expected.txt."""


def build(root, roots):
    path = "methodology/governance/members/ada.yaml"
    roots.edit(root, path, "seated: 2026-01-01", "seated: 2025-12-19")
