"""See expected.txt."""

BASE = "HEAD"


def build(root, roots):
    roots.commit(root)
    roots.edit(
        root, f"{roots.PROPOSAL}/proposal.yaml", "reason: Nobody objected.", "reason: Everybody agreed."
    )
