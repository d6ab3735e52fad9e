"""See expected.txt."""


def build(root, roots):
    roots.change_requests(root, roots.ROUNDS, lambda found: found.append(roots.make_request(4)))
