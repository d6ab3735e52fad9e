"""See expected.txt."""


def build(root, roots):
    path = roots.window_of(root, roots.CLAIM)
    window = roots.windows.decode_window((root / path).read_bytes())
    for minute in (20, 40):
        again = roots.at_time(window.header, f"2026-03-05T10:{minute}:00Z")
        roots.put_window(root, roots.CLAIM, again, window.requests)
    roots.reseal(root, roots.CLAIM)
