"""See expected.txt."""


def build(root, roots):
    roots.add_event(root, roots.ROUNDS, "disputed", "2026-03-20T10:00:00Z", case={"rule": "M-3.7"})
