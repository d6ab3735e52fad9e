"""See expected.txt."""


def build(root, roots):
    roots.add_event(root, roots.CLAIM, "disputed", "2026-03-20T10:00:00Z", case={})
    roots.edit(root, f"{roots.CLAIM}/history.yaml", "dispute: 1\n", "dispute: null\n")
