"""See expected.txt."""


def build(root, roots):
    text = (root / "providers/acme.yaml").read_text()
    entry = text[text.index("  - id: main") : text.index("interests:")]
    roots.edit(root, "providers/acme.yaml", "interests:", entry + "interests:")
