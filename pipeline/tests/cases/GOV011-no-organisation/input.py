"""See expected.txt."""


def build(root, roots):
    path = "methodology/governance/custody.yaml"
    roots.edit(root, path, "organisation: example-university", "organisation: null")
