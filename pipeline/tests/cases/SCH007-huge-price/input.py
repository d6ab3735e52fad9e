"""See expected.txt."""


def build(root, roots):
    roots.edit(root, "providers/acme.yaml", "output_usd_per_mtok: 1.5", "output_usd_per_mtok: 1.5e+300")
