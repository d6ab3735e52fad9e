"""See expected.txt."""


def build(root, roots):
    (root / "submissions/acme/2026-01-01-loop").symlink_to(root, target_is_directory=True)
