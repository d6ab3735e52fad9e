"""See expected.txt."""


def build(root, roots):
    roots.edit(root, f"{roots.CLAIM}/submission.yaml", "primary: true", "primary: false")
