"""See expected.txt."""


def build(root, roots):
    roots.edit(root, f"{roots.PROPOSAL}/ballot.yaml", "member: ada", "member: adam")
