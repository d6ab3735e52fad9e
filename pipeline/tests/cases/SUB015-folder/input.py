"""See expected.txt."""


def build(root, roots):
    roots.edit(
        root, f"{roots.RERUN}/rerun.yaml", "started: 2026-03-10T12:00:00Z", "started: 2026-03-10T13:00:00Z"
    )
