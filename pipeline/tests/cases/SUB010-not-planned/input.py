"""See expected.txt."""

ALSO = {"SUB009"}


def build(root, roots):
    roots.change_header(root, roots.CLAIM, plan_index=7)
