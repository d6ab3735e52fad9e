"""See expected.txt."""


def build(root, roots):
    roots.git(root, "init", "--quiet")
    roots.commit(root)
