"""See expected.txt."""

import shutil


def build(root, roots):
    path = roots.draft_version(root)
    shutil.rmtree((root / path).parent)
