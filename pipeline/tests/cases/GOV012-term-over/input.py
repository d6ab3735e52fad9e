"""See expected.txt."""


def build(root, roots):
    path = "methodology/governance/members/ada.yaml"
    roots.edit(root, path, "term_until: 2028-01-01", "term_until: 2026-03-31")
