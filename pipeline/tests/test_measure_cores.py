"""The client's cores and its rank on them: taken while it measures, given back afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fairlead.measure.cores import cores_apart, split_cores, undisturbed

CHOOSES = hasattr(os, "sched_setaffinity")


@pytest.mark.parametrize(
    ("ours", "permitted", "expected"),
    [
        ({0, 1}, {0, 1}, ({0}, {1})),
        ({0}, {0, 1}, ({0}, {1})),
        ({1}, {0, 1, 2}, ({1}, {0, 2})),
        ({0, 1, 2, 3}, {0, 1, 2, 3}, ({0, 1, 2}, {3})),
        ({0}, {0}, ({0}, {0})),
    ],
)
def test_cores_are_set_apart_where_there_are_two(ours, permitted, expected):
    assert split_cores(ours, permitted) == expected


@pytest.mark.skipif(not CHOOSES, reason="this system lets nobody choose")
def test_the_cores_are_given_back_even_after_a_failure():
    before = os.sched_getaffinity(0)
    held: list[set[int]] = []

    def fail() -> None:
        with cores_apart() as (ours, _):
            held.extend((ours, os.sched_getaffinity(0)))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert held[0] == held[1]
    assert os.sched_getaffinity(0) == before


@pytest.mark.skipif(not CHOOSES, reason="this system lets nobody choose")
def test_who_is_on_its_own_cores_stays_there():
    """A calibration runs a window: both ask."""
    with cores_apart() as (ours, theirs), cores_apart() as again:
        assert again == (ours, theirs)


@pytest.mark.skipif(not CHOOSES, reason="this system has no such policies")
def test_the_thread_goes_before_others_only_meanwhile_and_only_where_it_may():
    before = os.sched_getscheduler(0)
    with undisturbed() as asked:
        assert os.sched_getscheduler(0) == (os.SCHED_FIFO if asked else before)
    assert os.sched_getscheduler(0) == before


@pytest.mark.skipif(not CHOOSES, reason="this system has no such policies")
def test_who_may_not_go_before_others_stays_an_ordinary_thread(monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    with undisturbed() as asked:
        assert not asked


ROOM = """
import resource, sys
from fairlead.measure.cores import make_room_for_descriptors
resource.setrlimit(resource.RLIMIT_NOFILE, (100, int(sys.argv[1])))
make_room_for_descriptors(700)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
print(*[line.split()[1] for line in open("/proc/self/status") if line.startswith("FDSize:")])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the table's size is Linux's to tell")
@pytest.mark.parametrize(("hard", "limit", "table"), [(4096, 700, 1024), (700, 700, 1024), (300, 300, 512)])
def test_the_kernels_table_of_descriptors_has_its_size_before_the_run(hard, limit, table):
    """As far as the limit goes that is not ours to raise; no descriptor is left open."""
    order = [sys.executable, "-c", ROOM, str(hard)]
    said = subprocess.run(order, capture_output=True, text=True, check=True).stdout.split()
    assert [int(number) for number in said] == [limit, table]
