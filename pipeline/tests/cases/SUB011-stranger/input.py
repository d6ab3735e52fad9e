"""See expected.txt."""


def build(root, roots):
    roots.edit(root, roots.next_registration(root), "id: 202", "id: 999")
