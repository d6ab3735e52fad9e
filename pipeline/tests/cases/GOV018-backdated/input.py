"""See expected.txt. Both votes are as they were; git saw what opened them for comment only weeks later."""

BASE = "HEAD"


def build(root, roots):
    roots.git(root, "init", "--quiet")
    roots.git(root, "add", "--all", "--force", "--", "methodology")
    roots.git(root, "commit", "--quiet", "--message", "late", at="2026-01-10T00:00:00Z")
    roots.git(root, "add", "--all", "--force", "--", ".", *roots.RESULTS)
    roots.git(root, "commit", "--quiet", "--message", "plans", at=roots.REGISTERED)
    roots.commit(root, at=roots.DELIVERED)
