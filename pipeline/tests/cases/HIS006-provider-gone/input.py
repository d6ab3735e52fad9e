"""See expected.txt."""

BASE = "HEAD"


def build(root, roots):
    text = (root / "providers/acme.yaml").read_text()
    roots.write(root, "providers/bolt.yaml", text)
    roots.commit(root)
    (root / "providers/bolt.yaml").unlink()
