"""See expected.txt."""


def build(root, roots):
    roots.found(root)
    roots.commit(root)
