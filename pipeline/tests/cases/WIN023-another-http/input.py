"""See expected.txt."""


def build(root, roots):
    roots.change_header(root, roots.CLAIM, http="2")
