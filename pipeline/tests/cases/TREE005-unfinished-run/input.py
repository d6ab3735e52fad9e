"""See expected.txt."""


def build(root, roots):
    roots.write(root, f"{roots.CLAIM}/running.spool", "x")
