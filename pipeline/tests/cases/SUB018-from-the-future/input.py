"""See expected.txt."""


def build(root, roots):
    results = roots.start_claim(root)
    roots.commit(root, "plan", at=roots.REGISTERED)
    roots.deliver(root, results)
    roots.commit(root, "results", at="2026-03-05T15:59:59Z")
