"""See expected.txt."""


def build(root, roots):
    roots.edit(root, roots.next_registration(root), "model: llama-3-70b", "model: reference")
