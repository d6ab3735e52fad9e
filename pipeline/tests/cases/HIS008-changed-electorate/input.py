"""See expected.txt."""

BASE = "HEAD"


def build(root, roots):
    roots.commit(root)
    roots.edit(root, f"{roots.PROPOSAL}/ballot.yaml", "tied: true", "tied: false")
