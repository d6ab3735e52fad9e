"""See expected.txt."""


def build(root, roots):
    roots.write(root, "providers/acme.yaml", "name: Acme\n".encode("utf-16"))
