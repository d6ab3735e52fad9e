"""See expected.txt."""

import gzip
import hashlib


def build(root, roots):
    data = gzip.compress(b'{"kind":"calibration","errors":"none"}\n', mtime=0)
    name = hashlib.sha256(data).hexdigest()
    roots.write(root, f"{roots.CLAIM}/calibrations/{name}.json.gz", data)
    roots.reseal(root, roots.CLAIM)
