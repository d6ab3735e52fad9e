"""See expected.txt."""

ALSO = {"WIN022"}


def build(root, roots):
    roots.change_requests(root, roots.ROUNDS, lambda found: found.__delitem__(1))
