"""See expected.txt."""


def build(root, roots):
    roots.archive_folder(root, roots.ROUNDS)
    roots.edit(root, "submissions/archive.yaml", "folders:\n", "folders:\n  - submissions/acme\n")
