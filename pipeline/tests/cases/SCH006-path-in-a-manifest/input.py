"""See expected.txt."""


def build(root, roots):
    text = "windows:\n  - file: ../../../../etc/passwd\n    sha256: " + "ab" * 32 + "\n    bytes: 1\n"
    roots.edit(root, f"{roots.ROUNDS}/rounds.yaml", "windows:\n", text)
