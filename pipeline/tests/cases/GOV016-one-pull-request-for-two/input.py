"""See expected.txt."""


def build(root, roots):
    for folder in (roots.ADMISSION, roots.PROPOSAL):
        roots.edit(root, f"{folder}/proposal.yaml", "pull: null", "pull: 7")
