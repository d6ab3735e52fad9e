"""See expected.txt."""

ALSO = {"REF003"}


def build(root, roots):
    path = roots.next_registration(root)
    text = (root / path).read_text()
    entry = text[text.index("  - endpoint") : text.index("notes:")]
    roots.edit(root, path, entry, entry.replace("main", "mian") * 150)
