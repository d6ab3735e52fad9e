"""See expected.txt."""


def build(root, roots):
    roots.edit(root, "providers/acme.yaml", "    dialect: openai", "    dialcet: openai")
