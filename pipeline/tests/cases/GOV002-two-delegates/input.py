"""See expected.txt."""


def build(root, roots):
    text = (root / "methodology/governance/members/ada.yaml").read_text()
    roots.write(root, "methodology/governance/members/cleo.yaml", text.replace("id: 201", "id: 203"))
