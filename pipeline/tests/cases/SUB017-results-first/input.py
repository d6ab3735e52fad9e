"""See expected.txt."""


def build(root, roots):
    path = root / roots.CLAIM / "registration.yaml"
    text = path.read_text()
    path.unlink()
    roots.found(root)
    roots.commit(root)
    path.write_text(text)
    roots.commit(root)
