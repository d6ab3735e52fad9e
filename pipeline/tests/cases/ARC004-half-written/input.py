"""See expected.txt."""

DEEP = True


def build(root, roots):
    path = roots.window_of(root, roots.ROUNDS)
    roots.archive_folder(root, roots.ROUNDS)
    there = roots.object_of(root, path)
    there.write_bytes(there.read_bytes()[:100])
