"""The sha256 of many files, in a process that starts at once. Knows no package: it imports nothing of ours.

Run as a script it reads paths from its standard input, each followed by a zero byte, and writes one digest of
32 bytes for each; zeros where the path is no regular file of a bounded size, or cannot be read. Whoever asks
finds out the reason. A digest says what the bytes were; it is for the asker to know what they should be.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence

DIGEST_BYTES = 32
NOTHING = bytes(DIGEST_BYTES)


class Digesting:
    """Digests that are on their way: ask for them when nothing else is left to do."""

    def __init__(self, process: subprocess.Popen[bytes], count: int) -> None:
        self._process = process
        self._count = count

    def digests(self) -> list[bytes]:
        """One digest a path, in their order; :data:`NOTHING` for all of them where the process failed."""
        assert self._process.stdout is not None
        found = self._process.stdout.read()
        if self._process.wait() != 0 or len(found) != self._count * DIGEST_BYTES:
            return [NOTHING] * self._count
        return [found[start : start + DIGEST_BYTES] for start in range(0, len(found), DIGEST_BYTES)]


@contextlib.contextmanager
def digesting(paths: Sequence[str], limit: int) -> Iterator[Digesting]:
    """Begin, in a process of its own, to digest files of at most ``limit`` bytes."""
    command = [sys.executable, "-I", "-S", __file__, str(limit)]
    with subprocess.Popen(  # noqa: S603 - ourselves
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError), process.stdin:
                process.stdin.write(b"".join(os.fsencode(path) + b"\0" for path in paths))
            yield Digesting(process, len(paths))
        finally:
            process.kill()  # where nobody waited for it


def digest_of(path: bytes, limit: int) -> bytes:
    """The sha256 of a regular file of at most ``limit`` bytes, links not followed; else :data:`NOTHING`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return NOTHING
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            return NOTHING
        data = os.read(descriptor, status.st_size + 1)
        return hashlib.sha256(data).digest() if len(data) == status.st_size else NOTHING
    except OSError:
        return NOTHING
    finally:
        os.close(descriptor)


def main() -> None:
    """Digest what is named on the standard input; nothing is written before all of it was read."""
    limit = int(sys.argv[1])
    paths = sys.stdin.buffer.read().split(b"\0")[:-1]
    sys.stdout.buffer.write(b"".join(digest_of(path, limit) for path in paths))


if __name__ == "__main__":
    main()
