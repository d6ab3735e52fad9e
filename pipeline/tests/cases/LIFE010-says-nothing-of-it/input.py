"""See expected.txt."""


def build(root, roots):
    roots.add_event(
        root, roots.CLAIM, "corrected", "2026-03-20T10:00:00Z", superseded_by="2023-12-21-llmperf"
    )
