"""See expected.txt."""

import msgspec


def build(root, roots):
    path = roots.window_of(root, roots.CLAIM)
    header = roots.windows.decode_window((root / path).read_bytes()).header
    certificate = msgspec.structs.replace(header.calibration.before, ttft_error_ns=[0, 3, 2, 1, 4])
    roots.change_header(
        root, roots.CLAIM, calibration=roots.windows.Calibration(before=certificate, after=None)
    )
