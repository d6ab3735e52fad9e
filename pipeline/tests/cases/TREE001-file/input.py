"""See expected.txt."""


def build(root, roots):
    (root / "providers/evil.yaml").symlink_to("/etc/passwd")
