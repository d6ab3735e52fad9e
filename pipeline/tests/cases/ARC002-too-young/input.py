"""See expected.txt."""


def build(root, roots):
    roots.archive_folder(root, roots.ROUNDS)
    roots.edit(root, f"{roots.GOVERNANCE}/rules.yaml", "after_days: 14", "after_days: 365")
