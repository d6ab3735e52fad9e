"""See expected.txt."""


def build(root, roots):
    path = "methodology/governance/members/ada.yaml"
    roots.edit(root, path, "admitted_by: 0000-first-members", "admitted_by: null")
