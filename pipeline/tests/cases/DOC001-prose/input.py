"""See expected.txt."""


def build(root, roots):
    roots.write(root, "methodology/governance/charter.md", b"# Charter\n\nCaf\xe9\n")
