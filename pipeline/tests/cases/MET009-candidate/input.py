"""See expected.txt."""


def build(root, roots):
    roots.draft_version(root)
    roots.edit(root, "methodology/versions.yaml", "state: draft", "state: candidate")
