"""See expected.txt."""


def build(root, roots):
    roots.edit(root, f"{roots.PROPOSAL}/ballot.yaml", "id: 202", "id: 201")
