"""See expected.txt."""


def build(root, roots):
    roots.edit(root, "providers/acme.yaml", "https://api.acme.example/v1", "http://127.0.0.1:8377/v1")
    roots.edit(root, "providers/acme.yaml", 'http: "1.1"', 'http: "2"')
