"""See expected.txt."""

import zlib


def build(root, roots):
    packer = zlib.compressobj(9, wbits=31)
    data = b"".join(packer.compress(bytes(1_000_000)) for _ in range(200)) + packer.flush()
    roots.replace_raw(root, roots.ROUNDS, data)
