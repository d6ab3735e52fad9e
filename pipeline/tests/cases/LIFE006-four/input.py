"""See expected.txt."""


def build(root, roots):
    for number in (1, 2, 3):
        roots.add_event(root, roots.ROUNDS, "disputed", f"2026-03-2{number}T10:00:00Z", dispute=number)
    roots.add_event(root, roots.CLAIM, "disputed", "2026-03-24T10:00:00Z")
