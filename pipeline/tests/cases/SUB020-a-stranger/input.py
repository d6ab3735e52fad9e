"""See expected.txt."""


def build(root, roots):
    roots.edit(root, f"{roots.RERUN}/rerun.yaml", "id: 201", "id: 666")
