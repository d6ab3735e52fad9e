"""See expected.txt."""


def build(root, roots):
    roots.edit(
        root, f"{roots.PROPOSAL}/proposal.yaml", "methodology_version: 1.0.0", "methodology_version: 1.1.0"
    )
