"""See expected.txt."""


def build(root, roots):
    text = (root / "methodology/governance/members/ada.yaml").read_text()
    roots.write(
        root,
        "methodology/governance/members/ada-two.yaml",
        text.replace("delegate_of: example-university", "delegate_of: null"),
    )
