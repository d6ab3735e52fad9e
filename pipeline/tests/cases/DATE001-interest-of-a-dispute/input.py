"""See expected.txt."""


def build(root, roots):
    tie = {"kind": "equity", "party": "acme-corporation", "amount_band": None}
    tie |= {"from": "2025-02-01", "until": "2025-01-31", "source": "As stated.", "notes": None}
    roots.add_event(root, roots.ROUNDS, "disputed", "2026-03-20T10:00:00Z", case={"interests": [tie]})
