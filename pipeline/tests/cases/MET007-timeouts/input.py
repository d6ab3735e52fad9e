"""See expected.txt."""


def build(root, roots):
    roots.edit(root, roots.draft_version(root), "first_chunk_ms: 10000", "first_chunk_ms: 90000")
