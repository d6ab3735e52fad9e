"""See expected.txt."""

BASE = "HEAD"


def build(root, roots):
    roots.commit(root)
    roots.append(root, "methodology/versions/1.0.0/methodology.md", "One more thing.\n")
