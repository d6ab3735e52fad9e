"""See expected.txt."""


def build(root, roots):
    roots.edit(root, f"{roots.CLAIM}/submission.yaml", "id: 202", "id: 999")
