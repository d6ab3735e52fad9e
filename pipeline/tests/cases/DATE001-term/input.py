"""See expected.txt."""

ALSO = {"SUB020"}


def build(root, roots):
    roots.edit(
        root, "methodology/governance/members/ada.yaml", "term_until: 2028-01-01", "term_until: 2025-01-01"
    )
