"""See expected.txt."""


def build(root, roots):
    roots.edit(root, roots.next_registration(root), "version: 1.0.0", "version: 1.0.1")
