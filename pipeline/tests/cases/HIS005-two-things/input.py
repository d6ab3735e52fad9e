"""See expected.txt."""

BASE = "HEAD"


def build(root, roots):
    roots.commit(root)
    roots.edit(root, "providers/acme.yaml", "region: north", "region: south")
    roots.edit(root, "methodology/models.yaml", "name: Llama 3 70B", "name: Llama 3")
