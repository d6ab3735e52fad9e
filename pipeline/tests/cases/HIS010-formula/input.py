"""See expected.txt."""

BASE = "HEAD"


def build(root, roots):
    roots.commit(root)
    roots.put_snapshot(root, table=b'"row"\r\n"=HYPERLINK(1)"\r\n')
