"""See expected.txt."""

import msgspec


def build(root, roots):
    path = roots.window_of(root, roots.CLAIM)
    header = roots.windows.decode_window((root / path).read_bytes()).header
    flattered = msgspec.structs.replace(
        header.calibration.before, missing=0, token_error_ns=[0, 1, 2, 3, 4], shared_core=True
    )
    roots.change_header(
        root, roots.CLAIM, calibration=roots.windows.Calibration(before=flattered, after=None)
    )
