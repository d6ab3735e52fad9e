"""See expected.txt."""


def build(root, roots):
    roots.edit(root, roots.next_registration(root), "deadline: 2026-03-12", "deadline: 2026-03-04")
