"""See expected.txt."""

import re


def build(root, roots):
    path = f"{roots.ROUNDS}/rounds.yaml"
    roots.write(root, path, re.sub("bytes: [0-9]+", "bytes: 5", (root / path).read_text()))
