"""See expected.txt. Ada, who started the rerun, held shares of the provider's owner until the day before."""

INTEREST = """interests:
  - kind: equity
    party: acme-corporation
    amount_band: up-to-1000-usd
    from: 2026-03-05
    until: 2026-03-09
    source: https://acme.example/holders
    notes: null
"""


def build(root, roots):
    roots.edit(root, "methodology/governance/members/ada.yaml", "interests: []\n", INTEREST)
