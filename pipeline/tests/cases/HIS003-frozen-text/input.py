"""See expected.txt."""

BASE = "HEAD"
ALSO = {"GOV013"}  # what was voted on is another text now


def build(root, roots):
    roots.commit(root)
    roots.append(root, "methodology/versions/1.0.0/methodology.md", "One more thing.\n")
