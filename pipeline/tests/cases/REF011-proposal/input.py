"""See expected.txt."""


def build(root, roots):
    roots.edit(
        root,
        "methodology/governance/members/ada.yaml",
        "admitted_by: 0000-first-members",
        "admitted_by: 0002-first-member",
    )
