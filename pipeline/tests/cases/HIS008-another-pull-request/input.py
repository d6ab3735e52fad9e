"""See expected.txt."""

BASE = "HEAD"


def build(root, roots):
    roots.edit(root, f"{roots.PROPOSAL}/proposal.yaml", "pull: null", "pull: 7")
    roots.commit(root)
    roots.edit(root, f"{roots.PROPOSAL}/proposal.yaml", "pull: 7", "pull: 8")
