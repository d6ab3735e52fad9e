"""See expected.txt."""


def build(root, roots):
    roots.change_bytes(root, roots.ROUNDS, lambda text: text.replace(b"abcdabcdabcd", b"\xe9bcdabcdabcd"))
