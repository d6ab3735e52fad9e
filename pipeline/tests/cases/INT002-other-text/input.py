"""See expected.txt."""


def build(root, roots):
    roots.change_request(root, roots.CLAIM, 1, text="abcdabcdabcd, and more")
