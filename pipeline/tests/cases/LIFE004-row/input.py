"""See expected.txt."""


def build(root, roots):
    row = "llama-3-70b/chat-c8/north-1/acme/main/neutral/1.0.0"
    roots.add_event(root, roots.ROUNDS, "disputed", "2026-03-20T10:00:00Z", case={"row": row})
