"""See expected.txt."""


def build(root, roots):
    row = "llama-3-70b/chat-c2/north-1/acme/main/claim/1.0.0/2026-03-09-second"
    roots.add_event(root, roots.CLAIM, "disputed", "2026-03-20T10:00:00Z", case={"row": row})
