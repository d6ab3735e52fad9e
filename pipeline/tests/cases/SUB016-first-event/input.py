"""See expected.txt."""


def build(root, roots):
    roots.edit(root, f"{roots.IMPORTED}/history.yaml", "kind: submitted", "kind: answered")
