"""See expected.txt."""


def build(root, roots):
    text = (root / "methodology/governance/members/ada.yaml").read_text()
    text = text.replace("delegate_of: example-university", "delegate_of: null")
    for name, number in (("cleo", 203), ("dina", 204)):
        later = text.replace("id: 201", f"id: {number}").replace("seated: 2026-01-01", "seated: 2026-02-01")
        roots.write(root, f"methodology/governance/members/{name}.yaml", later)
