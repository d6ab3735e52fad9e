"""See expected.txt."""


def build(root, roots):
    roots.replace_raw(root, roots.ROUNDS, b"no gzip at all")
