"""See expected.txt."""

BASE = "HEAD"


def build(root, roots):
    roots.commit(root)
    roots.put_snapshot(root)
    roots.write(root, "site/snapshots/2026-Q1/index.html", "<script>x</script>")
    roots.write(root, "site/snapshots/newest/snapshot.json", "{}")


ALSO = {"HIS005"}
