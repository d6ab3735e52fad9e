"""See expected.txt."""


def build(root, roots):
    roots.change_header(root, roots.CLAIM, seed=roots.window_seed("ab" * 32, 0, 1))
