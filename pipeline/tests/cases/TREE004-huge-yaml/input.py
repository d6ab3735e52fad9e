"""See expected.txt."""


def build(root, roots):
    roots.write(root, "providers/acme.yaml", "notes: " + "x" * 1_000_000)
