"""See expected.txt."""


def build(root, roots):
    roots.edit(root, f"{roots.CLAIM}/submission.yaml", "corrects: null", "corrects: 2026-03-03-lama")
