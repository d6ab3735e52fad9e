"""See expected.txt."""


def build(root, roots):
    roots.edit(root, "methodology/governance/members/ada.yaml", "  - maintainer\n", "")
