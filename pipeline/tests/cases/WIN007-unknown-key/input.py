"""See expected.txt."""


def build(root, roots):
    roots.change_bytes(root, roots.ROUNDS, lambda text: text.replace(b'"i":2,', b'"i":2,"j":2,'))
