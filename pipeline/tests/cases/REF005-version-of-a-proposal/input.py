"""See expected.txt."""

ALSO = {"GOV013"}  # nobody voted on this


def build(root, roots):
    roots.edit(
        root, f"{roots.PROPOSAL}/proposal.yaml", "methodology_version: 1.0.0", "methodology_version: 1.1.0"
    )
