"""See expected.txt."""


def build(root, roots):
    path = roots.next_registration(root)
    roots.commit(root)
    roots.edit(root, path, "deadline: 2026-03-12", "deadline: 2026-03-20")
    roots.commit(root)
