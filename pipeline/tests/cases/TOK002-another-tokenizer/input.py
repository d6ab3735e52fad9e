"""See expected.txt."""


def build(root, roots):
    roots.count(root, roots.ROUNDS)
    models = root / "methodology/models.yaml"
    models.write_text(models.read_text().replace(roots.tokenizer().sha256, "ab" * 32))
