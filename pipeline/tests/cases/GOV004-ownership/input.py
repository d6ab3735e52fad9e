"""See expected.txt."""


def build(root, roots):
    path = "methodology/governance/organisations.yaml"
    owner = "      - organisation: example-fund\n        share: 0.7\n        from: 2021-01-01\n"
    owner += "        until: null\n        source: A register.\n"
    place = "    notes: null\n  - id: example-fund"
    roots.edit(root, path, place, owner + place)
