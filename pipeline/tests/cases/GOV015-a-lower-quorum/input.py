"""See expected.txt."""

BASE = "HEAD"


def build(root, roots):
    roots.commit(root)
    roots.edit(root, "methodology/governance/rules.yaml", "quorum_numerator: 2", "quorum_numerator: 1")
