"""See expected.txt."""


def build(root, roots):
    roots.edit(root, roots.draft_version(root), "rate_per_s: null", "rate_per_s: 2")
