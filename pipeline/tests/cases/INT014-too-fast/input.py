"""See expected.txt."""


def build(root, roots):
    for i in range(4):
        tokens = roots.windows.Tokens(
            counted=None, usage_output=100_000, usage_input=130, usage_cached=None, usage_reasoning=None
        )
        roots.change_request(root, roots.CLAIM, i, tokens=tokens)
