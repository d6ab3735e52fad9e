"""See expected.txt."""


def build(root, roots):
    roots.edit(root, "methodology/governance/rules.yaml", "quorum_numerator: 2", "quorum_numerator: 4")
