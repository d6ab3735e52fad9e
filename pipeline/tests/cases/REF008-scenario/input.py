"""See expected.txt."""


def build(root, roots):
    roots.edit(root, roots.next_registration(root), "scenario: chat-c2", "scenario: chat-c4")
