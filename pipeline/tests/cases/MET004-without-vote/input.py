"""See expected.txt."""


def build(root, roots):
    roots.edit(root, "methodology/versions.yaml", "ratified_by: 0001-first-method", "ratified_by: null")
