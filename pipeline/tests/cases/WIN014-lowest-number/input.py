"""See expected.txt."""


def build(root, roots):
    roots.change_request(root, roots.ROUNDS, 2, process=-(2**63))
