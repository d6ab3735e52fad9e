"""See expected.txt."""


def build(root, roots):
    roots.edit(root, f"{roots.CLAIM}/registration.yaml", "notes: null", "notes: Later thoughts.")
