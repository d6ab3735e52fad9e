"""See expected.txt."""


def build(root, roots):
    path = roots.draft_version(root)
    roots.edit(root, path, "kind: closed", "kind: open")
