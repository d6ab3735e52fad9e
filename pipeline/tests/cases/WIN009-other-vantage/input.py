"""See expected.txt."""


def build(root, roots):
    roots.change_header(root, roots.CLAIM, vantage="south-1")
