"""See expected.txt."""


def build(root, roots):
    path = roots.next_registration(root)
    (root / "submissions/acne").mkdir()
    (root / path).parent.rename(root / "submissions/acne/2026-03-30-next")
