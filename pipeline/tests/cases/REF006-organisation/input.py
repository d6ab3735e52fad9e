"""See expected.txt."""


def build(root, roots):
    roots.edit(root, "providers/acme.yaml", "organisation: acme-corporation", "organisation: acme-corp")
