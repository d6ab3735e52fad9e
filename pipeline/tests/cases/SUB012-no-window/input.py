"""See expected.txt."""


def build(root, roots):
    roots.edit(root, f"{roots.CLAIM}/submission.yaml", "scenario: chat-c2", "scenario: chat-c8")
