"""See expected.txt."""

FORMAT = True


def build(root, roots):
    pass
