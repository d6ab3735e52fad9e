"""See expected.txt."""


def build(root, roots):
    path = f"{roots.IMPORTED}/submission.yaml"
    roots.edit(root, path, "registration_sha256: null", "registration_sha256: " + "ab" * 32)
