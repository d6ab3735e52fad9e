"""A process that measures a window, for tests that end it from outside. Knows no test."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from fairlead.measure.plan import Plan

_RUN = """
import sys
from pathlib import Path
import msgspec
from fairlead.measure.plan import Plan
from fairlead.measure.runner import measure_window

plan = msgspec.json.decode(sys.argv[1], type=Plan)
sealed = measure_window(plan, spool=Path(sys.argv[2]), progress=lambda done, _: print(done, flush=True))
print("sealed", sealed.stopped, sealed.unsent, sealed.sha256, flush=True)
"""


@contextlib.contextmanager
def measuring(plan: Plan, spool: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that measures, at a moment when some requests are done and some are not."""
    command = [sys.executable, "-c", _RUN, msgspec.json.encode(plan).decode(), str(spool)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while int(process.stdout.readline()) < 3:
            pass
        yield process
