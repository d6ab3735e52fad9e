"""See expected.txt."""


def build(root, roots):
    path = f"{roots.ADMISSION}/proposal.yaml"
    roots.edit(root, path, "at: 2025-12-20T00:00:00Z", "at: 2025-12-14T23:59:59Z")
