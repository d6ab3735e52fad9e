"""See expected.txt."""

import re


def build(root, roots):
    path = f"{roots.CLAIM}/submission.yaml"
    text = (root / path).read_text()
    roots.write(root, path, re.sub("registration_sha256: [0-9a-f]{64}", "registration_sha256: null", text))
