"""See expected.txt."""


def build(root, roots):
    roots.archive_folder(root, roots.ROUNDS)
    roots.edit(
        root,
        "submissions/archive.yaml",
        f"  - {roots.ROUNDS}\n",
        f"  - {roots.ROUNDS}\n  - submissions/acme\n",
    )
