"""See expected.txt."""


def build(root, roots):
    tie = {"kind": "equity", "party": "acme-corp", "amount_band": None}
    tie |= {"from": None, "until": None, "source": "As stated.", "notes": None}
    roots.add_event(root, roots.ROUNDS, "disputed", "2026-03-20T10:00:00Z", case={"interests": [tie]})
