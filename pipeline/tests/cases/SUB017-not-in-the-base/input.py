"""See expected.txt."""

BASE = "main"


def build(root, roots):
    results = roots.start_claim(root)
    roots.commit(root, "plan")
    roots.deliver(root, results)
    roots.commit(root, "results")
