"""See expected.txt."""


def build(root, roots):
    roots.edit(root, roots.draft_version(root), "version: 1.1.0", "version: 1.2.0")
