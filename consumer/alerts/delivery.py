"""Delivery of the stored alerts to one channel: at least once, in order, with its place kept in the graph.

The place moves after the receiver has acknowledged, never before: a process that dies in between sends the same events
with the same ids again. What a receiver refuses, or does not take for `alerts.give_up_after_s`, becomes a dead letter
in the same write that moves the place, so that one bad alert or receiver holds up no other.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import structlog

from consumer.alerts import declarations
from consumer.alerts.channels.channel import Channel, RetryAfter
from consumer.alerts.cloud_event import CloudEvent, digest
from consumer.alerts.journal import PAGE, Entry, Journal
from consumer.alerts.meter import AlertMeter
from consumer.errors import RefusedWrite, TransientError
from consumer.graph import ids, schema
from consumer.graph.store import Step, Vertex
from consumer.maintenance.leased_task import JobLease, LeaseHeld
from consumer.time_parsing import format_timestamp

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 300.0

MOST_OF_A_REASON: Final = 1_000

_log = structlog.get_logger(__name__)


class Place(NamedTuple):
    """Progress of a channel.

    Attributes:
        number: The last alert that was delivered, or left out for good.
        failing_since: Since when the next one fails, in seconds since 1970; 0 if it does not.
    """

    number: int
    failing_since: int = 0

    @classmethod
    def parse(cls, text: str) -> Place:
        """Reads a stored place."""
        number, _, since = text.partition(" ")
        return cls(int(number), int(since or 0))

    def __str__(self) -> str:
        return f"{self.number} {self.failing_since}"


class _Portion(NamedTuple):
    """The next entries of a channel, and the events that they become."""

    entries: Sequence[Entry]
    wanted: Sequence[Entry]
    events: Sequence[CloudEvent]
    muted: int = 0


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms of delivery, the same for all channels.

    Attributes:
        source: URI reference of this instance, in each event.
        mutes: Alerts that are left out.
        give_up_after_s: Seconds of failures after which alerts become dead letters.
        clock: Seconds since 1970.
        jitter: A number from 0 to 1, that spreads retries.
    """

    source: str
    mutes: Sequence[declarations.Mute]
    give_up_after_s: float
    clock: Callable[[], float]
    jitter: Callable[[], float] = field(default=random.random)


class Delivery:
    """Delivers to one channel.

    Args:
        declared: The channel's declaration.
        channel: Its adapter.
        journal: The stored alerts.
        lease: The channel's vertex.
        terms: How alerts are delivered.
        meter: Counts what happens.
    """

    def __init__(
        self,
        declared: declarations.Channel,
        channel: Channel,
        journal: Journal,
        lease: JobLease,
        terms: Terms,
        meter: AlertMeter,
    ) -> None:
        self.name = declared.name
        self._declared = declared
        self._channel = channel
        self._journal = journal
        self._lease = lease
        self._terms = terms
        self._meter = meter
        self._number: int | None = None
        self._failures = 0
        self._not_before = 0.0
        self._alone_until = 0

    def begin(self, last: int) -> None:
        """Has a channel that is new begin after the alerts that are stored already.

        Args:
            last: Number of the last alert that is stored.

        Raises:
            TransientError: The graph can't serve now.
        """
        try:
            if not self._lease.acquire(""):
                self._lease.checkpoint(str(Place(last)))
            self._lease.release()
        except LeaseHeld:
            _log.debug("channel is delivered elsewhere", channel=self.name)

    def turn(self) -> bool:
        """Delivers what is due next; returns True if the place has moved.

        Raises:
            TransientError: The graph can't serve now.
        """
        now = self._terms.clock()
        if now < self._not_before or (self._number is not None and not self._journal.after(self._number, 1)):
            return False
        try:
            stored = self._lease.acquire("")
        except LeaseHeld as busy:
            _log.debug("channel is delivered elsewhere", channel=self.name, reason=str(busy))
            return False
        place = Place.parse(stored or "0")
        self._number = place.number
        entries = self._journal.after(place.number, PAGE)
        portion = self._window(entries, now) if self._declared.digest_s else self._next(entries)
        return bool(portion.entries) and self._deliver(portion, place, now)

    def behind_s(self) -> float:
        """Returns for how many seconds the oldest alert that is not delivered has been due; 0 if there is none."""
        waiting = self._journal.after(self._number, 1) if self._number is not None else []
        if not waiting:
            return 0.0
        return max(0.0, self._terms.clock() - self._due(waiting[0]))

    def _due(self, entry: Entry) -> float:
        """Returns when an alert is to be delivered: at once, or at the end of its window."""
        length = self._declared.digest_s
        return entry.recorded // length * length + length if length else entry.recorded

    def close(self) -> None:
        """Leaves the channel to other processes."""
        try:
            if self._number is not None:
                self._lease.release()
        except TransientError as error:
            _log.debug("lease not released, it expires", channel=self.name, reason=str(error))
        self._channel.close()

    def _next(self, entries: Sequence[Entry]) -> _Portion:
        """Returns the entries up to the one that fills a request."""
        taken: list[Entry] = []
        wanted: list[Entry] = []
        muted = 0
        for entry in entries:
            most = 1 if entry.number <= self._alone_until else self._channel.most
            if len(wanted) >= most:
                break
            taken.append(entry)
            if self._wants(entry):
                is_muted = self._mutes(entry)
                muted += is_muted
                wanted += () if is_muted else (entry,)
        return _Portion(taken, wanted, [entry.event(self._terms.source) for entry in wanted], muted)

    def _window(self, entries: Sequence[Entry], now: float) -> _Portion:
        """Returns the entries of the first window, once it is over."""
        if not entries:
            return _Portion((), (), ())
        length = self._declared.digest_s
        begin = self._due(entries[0]) - length
        if now < begin + length:
            return _Portion((), (), ())
        taken = [entry for entry in entries if entry.recorded < begin + length]
        meant = [entry for entry in taken if self._wants(entry)]
        wanted = [entry for entry in meant if not self._mutes(entry)]
        window = (format_timestamp(int(begin * 1000)), format_timestamp(int((begin + length) * 1000)))
        events = [entry.event(self._terms.source) for entry in wanted]
        joined = [digest(events, self.name, window)] if events else []
        return _Portion(taken, wanted, joined, len(meant) - len(wanted))

    def _wants(self, entry: Entry) -> bool:
        return entry.is_delivered and self._declared.wants(entry.rule, entry.severity, entry.subject)

    def _mutes(self, entry: Entry) -> bool:
        return any(mute.covers(entry.rule, entry.subject, self.name, entry.recorded) for mute in self._terms.mutes)

    def _deliver(self, portion: _Portion, place: Place, now: float) -> bool:
        try:
            if portion.events:
                self._channel.send(portion.events)
        except RefusedWrite as error:
            if len(portion.events) > 1:
                # One of them is at fault: they are sent one by one, and the others arrive.
                self._alone_until = portion.entries[-1].number
                return False
            self._give_up(portion, str(error), now)
            return True
        except TransientError as error:
            return self._retry_later(portion, place, error, now)
        self._failures = 0
        self._move(portion, ())
        self._meter.muted(self.name, portion.muted)
        self._meter.delivered(self.name, len(portion.wanted))
        return True

    def _retry_later(self, portion: _Portion, place: Place, error: TransientError, now: float) -> bool:
        self._meter.failed(self.name)
        since = place.failing_since or int(now)
        if now - since >= self._terms.give_up_after_s:
            self._give_up(portion, f"not delivered for {now - since:.0f} s: {error}", now)
            return True
        pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(self._failures, 16)) * (0.5 + self._terms.jitter() / 2)
        pause = error.seconds if isinstance(error, RetryAfter) else pause
        self._failures += 1
        self._not_before = now + pause
        _log.warning("delivery failed; trying again", channel=self.name, seconds=round(pause, 1), error=str(error))
        if not place.failing_since:
            self._lease.checkpoint(str(place._replace(failing_since=since)))
        return False

    def _give_up(self, portion: _Portion, reason: str, now: float) -> None:
        self._failures = 0
        self._move(portion, [letter(self.name, entry, reason, now) for entry in portion.wanted])
        self._meter.refused(self.name, len(portion.wanted))
        _log.error("alerts not delivered", channel=self.name, alerts=len(portion.wanted), reason=reason)

    def _move(self, portion: _Portion, steps: Iterable[Step]) -> None:
        number = portion.entries[-1].number
        self._lease.checkpoint(str(Place(number)), list(steps))
        self._number = number


def letter(channel: str, entry: Entry, reason: str, now: float) -> Vertex:
    """Returns the vertex of a dead letter: which alert, and why its channel did not take it."""
    return Vertex(
        ids.alert_letter(channel, entry.number),
        schema.ALERT_LETTER,
        {
            "channel": channel,
            "number": str(entry.number),
            "alert": entry.id,
            "reason": reason[:MOST_OF_A_REASON],
            "at": format_timestamp(int(now * 1000)),
        },
    )
