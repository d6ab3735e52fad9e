"""Days, and the spans between them. Knows no clock."""

from __future__ import annotations

import calendar
import datetime as dt

_YEAR = 12  # months


def day_of(moment: dt.datetime) -> dt.date:
    """The day of a moment, in UTC."""
    return moment.astimezone(dt.UTC).date()


def months_before(day: dt.date, months: int) -> dt.date:
    """The same day of an earlier month, or that month's last."""
    year, month = divmod(day.year * _YEAR + day.month - 1 - months, _YEAR)
    if year < 1:
        return dt.date.min
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def holds(from_: dt.date | None, until: dt.date | None, first: dt.date, last: dt.date) -> bool:
    """Whether a span touches the days from ``first`` to ``last``. ``until`` is its last day; None: unknown
    when it began, or that it lasts."""
    return (from_ is None or from_ <= last) and (until is None or until >= first)
