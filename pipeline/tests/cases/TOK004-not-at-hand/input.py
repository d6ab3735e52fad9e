"""See expected.txt."""


def build(root, roots):
    roots.count(root, roots.ROUNDS)


def recount(roots):
    return {}.get
