"""See expected.txt."""


def build(root, roots):
    roots.edit(root, roots.next_registration(root), "vantage: north-1", "vantage: north-l")
