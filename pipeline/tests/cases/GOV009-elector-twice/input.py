"""See expected.txt."""


def build(root, roots):
    path = f"{roots.PROPOSAL}/ballot.yaml"
    text = (root / path).read_text()
    entry = text[text.index("  - member: ada") : text.index("  - member: ben")]
    roots.edit(root, path, "  - member: ben", entry + "  - member: ben")
