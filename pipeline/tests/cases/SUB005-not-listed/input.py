"""See expected.txt."""


def build(root, roots):
    path = roots.window_of(root, roots.ROUNDS)
    window = roots.windows.decode_window((root / path).read_bytes())
    later = roots.at_time(window.header, "2026-03-09T10:00:00Z")
    roots.put_window(root, roots.ROUNDS, later, window.requests)
