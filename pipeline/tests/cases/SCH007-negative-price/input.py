"""See expected.txt."""


def build(root, roots):
    roots.edit(root, "providers/acme.yaml", "input_usd_per_mtok: 0.5", "input_usd_per_mtok: -0.5")
