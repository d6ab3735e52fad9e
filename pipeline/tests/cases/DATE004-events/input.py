"""See expected.txt."""


def build(root, roots):
    event = "  - kind: disputed\n    at: 2026-03-05T10:00:00Z\n    by: null\n"
    event += "    reason: Too fast.\n    link: null\n"
    roots.append(root, f"{roots.CLAIM}/history.yaml", event)
