"""See expected.txt."""


def build(root, roots):
    text = (root / "providers/acme.yaml").read_text()
    roots.write(root, "providers/bolt.yaml", text.replace("model: llama-3-70b\n", "model: lama-3-70b\n"))
