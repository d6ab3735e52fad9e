"""See expected.txt."""


def build(root, roots):
    roots.edit(root, roots.next_registration(root), "endpoint: main", "endpoint: mian")
