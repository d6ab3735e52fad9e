"""See expected.txt."""


def build(root, roots):
    text = (root / "methodology/versions.yaml").read_text()
    roots.draft_version(root)
    roots.write(root, "methodology/versions.yaml", text)
