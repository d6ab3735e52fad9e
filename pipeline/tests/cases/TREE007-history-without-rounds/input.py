"""See expected.txt."""


def build(root, roots):
    folder = "submissions/neutral/2026-02-north-1-llama-3-70b"
    roots.add_event(root, folder, "disputed", "2026-03-20T10:00:00Z")
