"""What became of every registered run. Knows no file, no page and no clock; now is given.

A registration is a promise in public. Whether it was kept follows from three things that are committed or
given: the plan, what was submitted for it, and the day.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from collections.abc import Iterable, Mapping

from fairlead.model import Registration, Submission


class State(enum.StrEnum):
    """Whether a registered run was delivered."""

    REGISTERED = "registered"
    DELIVERED = "delivered"
    NEVER_DELIVERED = "never delivered"


@dataclasses.dataclass(frozen=True, slots=True)
class Delivery:
    """A registered run on one day. ``submitted`` is the day that its submission states, if there is one."""

    submission: str
    state: State
    due: dt.date
    planned: int
    submitted: dt.date | None

    @property
    def words(self) -> str:
        """The state for people: with the last day while it is to come, and where it was not kept."""
        if self.state is State.REGISTERED:
            return f"registered, due {self.due}"
        if self.submitted is not None and self.submitted > self.due:
            return f"delivered {self.submitted}, after its deadline"
        return str(self.state)


def deliveries_of(
    registrations: Mapping[str, Registration], submissions: Mapping[str, Submission], now: dt.datetime
) -> tuple[Delivery, ...]:
    """The state of every registered run at ``now``, in the order of their names.

    A deadline is the last day to deliver, in UTC: from the next day on an undelivered run counts as never
    delivered, and from its delivery on as delivered after all. Imported results deliver no plan.
    """
    today = now.astimezone(dt.UTC).date()
    found = []
    for name, registration in sorted(registrations.items()):
        submission = submissions.get(name)
        if submission is not None and submission.origin == "measured":
            state, submitted = State.DELIVERED, submission.submitted
        else:
            state = State.NEVER_DELIVERED if today > registration.deadline else State.REGISTERED
            submitted = None
        found.append(Delivery(name, state, registration.deadline, len(registration.windows), submitted))
    return tuple(found)


def missing_windows(registration: Registration, measured: Iterable[int | None]) -> tuple[int, ...]:
    """The places in a plan, from 0, that none of the whole windows measured for it is of."""
    return tuple(sorted(set(range(len(registration.windows))).difference(measured)))
