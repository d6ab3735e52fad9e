"""See expected.txt."""


def build(root, roots):
    tokens = roots.windows.Tokens(
        counted=None, usage_output=3, usage_input=130, usage_cached=128, usage_reasoning=None
    )
    roots.change_request(root, roots.CLAIM, 2, tokens=tokens)
