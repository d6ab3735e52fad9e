"""See expected.txt."""

from fairlead.measure import workload as prompts


def build(root, roots):
    asked = prompts.Workload(input_words=100, max_tokens=50)
    named = roots.windows.Workload(id=prompts.ID, sha256=prompts.definition_sha256(asked))
    roots.change_header(root, roots.CLAIM, workload=named)
    roots.change_request(root, roots.CLAIM, 3, body_sha256="1" * 64)
