"""See expected.txt."""

STOPPING = """success_margin_share: 0.01
  stopping:
    looks:
      - 4
      - 8
      - 8
    error_share: 0.025
    hours_min: 4
    control_rounds_min: 8
    control_windows_min: 96
    control_level_share: 0.9"""


def build(root, roots):
    roots.edit(root, roots.draft_version(root), "success_margin_share: 0.01", STOPPING)
