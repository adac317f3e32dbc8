"""Counts over time for the dashboard: of events by hour or day, and of all jobs, datasets and sources."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from consumer.api.marquez.activity import QUARTER_S, Activity
from consumer.api.marquez.documents.spelling import Document

PERIODS = ("DAY", "WEEK")
HOURS, DAYS = 24, 7


class Interval(NamedTuple):
    """A part of a period, from its start to before its end."""

    start: datetime
    end: datetime

    def document(self) -> Document:
        """Returns it as Marquez does."""
        return {"startInterval": _written(self.start), "endInterval": _written(self.end)}


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def intervals(period: str, zone: tzinfo, now: datetime) -> list[Interval]:
    """Returns the 24 hours (DAY) or 7 days (WEEK) up to the present one, in a time zone.

    Args:
        period: DAY or WEEK.
        zone: Days begin at midnight there.
        now: The present moment, with a time zone.
    """
    local = now.astimezone(zone)
    if period == "DAY":
        last = local.replace(minute=0, second=0, microsecond=0).astimezone(UTC)
        starts = [last - timedelta(hours=back) for back in range(HOURS - 1, -1, -1)]
        return [Interval(start, start + timedelta(hours=1)) for start in starts]
    days = [local.date() - timedelta(days=back) for back in range(DAYS - 1, -2, -1)]
    midnights = [datetime(day.year, day.month, day.day, tzinfo=zone) for day in days]
    return [Interval(start, end) for start, end in itertools.pairwise(midnights)]


def event_counts(activity: Activity, found: Sequence[Interval]) -> list[Document]:
    """Returns how many runs began and ended in each interval, by state."""
    return [{**one.document(), **_counted(activity, one)} for one in found]


def _counted(activity: Activity, interval: Interval) -> dict[str, int]:
    first, last = (int(moment.timestamp()) // QUARTER_S for moment in interval)
    total: Counter[str] = Counter()
    for at in range(first, last):
        total.update(activity.counts.get(at, {}))
    return {state.lower(): total[state] for state in ("FAIL", "START", "COMPLETE", "ABORT")}


def job_counts(activity: Activity, total: int, found: Sequence[Interval]) -> list[Document]:
    """Returns how many jobs were known at the end of each interval; those that never ran count as always known."""
    firsts = sorted(activity.first.values())
    never_ran = max(0, total - len(firsts))
    return [{**one.document(), "count": never_ran + bisect_left(firsts, _written(one.end))} for one in found]


def constant_counts(total: int, found: Sequence[Interval]) -> list[Document]:
    """Returns the present number for each interval: the graph does not keep since when it knows a dataset."""
    return [{**one.document(), "count": total} for one in found]
