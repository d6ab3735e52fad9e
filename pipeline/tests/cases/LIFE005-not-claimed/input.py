"""See expected.txt."""


def build(root, roots):
    figure = {"metric": "ttft_p95_ms", "claimed": 100, "recomputed": 140}
    case = {"row": "llama-3-70b/chat-c2/north-1/acme/main/claim/1.0.0/2026-03-04-llama", "figure": figure}
    roots.add_event(root, roots.CLAIM, "disputed", "2026-03-20T10:00:00Z", case=case)
