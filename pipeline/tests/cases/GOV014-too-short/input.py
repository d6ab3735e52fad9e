"""See expected.txt."""

from fairlead import governance, repository


def build(root, roots):
    """A second vote, open at the moment of the check."""
    folder = "methodology/proposals/0002-more-members"
    text = (root / roots.ADMISSION / "proposal.yaml").read_text()
    text = text.replace("2025-12-01", "2026-02-01").replace("2025-12-20", "2026-03-25")
    text = text.replace("kind: accepted", "kind: voting").replace("  - acme-corporation\n", "")
    roots.write(root, f"{folder}/proposal.yaml", text.replace("example-university", "example-fund"))
    roots.write(root, f"{folder}/proposal.md", "# More members\n\n## Objections\n\nNone.\n")
    loaded, _ = repository.load_repository(root)
    ballot = governance.open_vote(
        governance.register_of(loaded),
        loaded.proposals["0002-more-members"],
        "major",
        text_sha256=governance.text_digest(loaded, "0002-more-members"),
        opens=roots.NOW.replace(month=3, day=25),
    )
    roots.write_ballot(root, folder, roots.replace(ballot, closes=roots.NOW.replace(day=2)))
