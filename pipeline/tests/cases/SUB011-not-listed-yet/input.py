"""See expected.txt."""

BASE = "HEAD"
ALSO = {"HIS005"}


def build(root, roots):
    roots.commit(root)
    path = roots.next_registration(root)
    roots.edit(root, path, "id: 202", "id: 999")
    contact = "  - name: Cid Example\n    github:\n      login: cid-example\n      id: 999\n"
    roots.edit(root, "providers/acme.yaml", "contacts:\n", f"contacts:\n{contact}")
