"""See expected.txt."""


def build(root, roots):
    roots.write(
        root,
        "providers/acme.yaml",
        (root / "providers/acme.yaml").read_text().replace("\nnotes: null", "\nnotes: " + "x" * 5000),
    )
