"""See expected.txt."""


def build(root, roots):
    roots.edit(root, roots.draft_version(root), "workload: chat\n", "workload: chats\n")
