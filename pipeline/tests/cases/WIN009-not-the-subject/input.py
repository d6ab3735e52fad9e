"""See expected.txt."""


def build(root, roots):
    path = root / roots.window_of(root, roots.CLAIM)
    window = roots.windows.decode_window(path.read_bytes())
    path.unlink()
    roots.put_window(root, roots.CLAIM, roots.replace(window.header, role="control"), window.requests)
    roots.reseal(root, roots.CLAIM)
