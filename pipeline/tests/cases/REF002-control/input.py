"""See expected.txt."""


def build(root, roots):
    roots.edit(root, roots.draft_version(root), "control: null", "control: acne")
