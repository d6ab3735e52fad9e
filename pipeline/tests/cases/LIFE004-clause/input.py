"""See expected.txt."""


def build(root, roots):
    roots.append(root, "methodology/versions/1.0.0/methodology.md", "\n**M-3.1** A start is a start.\n")
    roots.add_event(root, roots.ROUNDS, "disputed", "2026-03-20T10:00:00Z", case={"rule": "M-3.7"})
