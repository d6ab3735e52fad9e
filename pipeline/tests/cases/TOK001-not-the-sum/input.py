"""See expected.txt."""


def build(root, roots):
    roots.count(root, roots.ROUNDS)
    roots.change_request(root, roots.ROUNDS, 2, chunk_tokens=[1, 1, 1])
