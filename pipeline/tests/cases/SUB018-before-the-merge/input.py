"""See expected.txt."""


def build(root, roots):
    results = roots.start_claim(root)
    roots.commit(root, "plan", at="2026-03-05T10:00:01Z")
    roots.deliver(root, results)
    roots.commit(root, "results")
