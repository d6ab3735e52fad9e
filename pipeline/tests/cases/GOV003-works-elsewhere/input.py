"""See expected.txt."""


def build(root, roots):
    path = "methodology/governance/members/ada.yaml"
    roots.edit(root, path, "    until: null", "    until: 2025-12-31")
