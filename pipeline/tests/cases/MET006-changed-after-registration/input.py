"""See expected.txt."""

import hashlib


def build(root, roots):
    draft = roots.draft_version(root)
    digest = hashlib.sha256((root / draft).read_bytes()).hexdigest()
    path = roots.next_registration(root)
    text = (root / path).read_text()
    old = text[text.index("  version: ") : text.index("vantage:")]
    roots.edit(root, path, old, f"  version: 1.1.0\n  sha256: {digest}\n")
    roots.commit(root)
    roots.edit(root, draft, "title: A method for tests", "title: Another method for tests")
    roots.commit(root)
