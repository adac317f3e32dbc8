"""Delivery: takes records at once, sends them from a background thread, and tells the truth about each.

Every record that was put is, at any moment, exactly one of sent (acknowledged), rejected, or waiting.
"""

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from emitter.errors import DeliveryError, RefusedError, RejectedError, UnavailableError

# How long the thread gets to put its things away once the deadline has passed, in seconds.
GRACE = 1.0
_SHOWN_REASONS = 3


@dataclass(frozen=True, slots=True)
class Record:
    """One message for a topic; `timestamp_ms` is when the event was emitted, in milliseconds since 1970."""

    topic: str
    key: bytes
    value: bytes
    timestamp_ms: int

    @property
    def size(self) -> int:
        """Bytes that the record holds in memory, more or less."""
        return len(self.key) + len(self.value)


Settle = Callable[[DeliveryError | None], None]


class Broker(Protocol):
    """Where records go: Kafka, a log on disk, a test's list."""

    def send(self, record: Record, settle: Settle) -> None:
        """Takes a record, and later calls `settle` once, from any thread: None when it is safely stored, else why not.

        Raises:
            DeliveryError: if the record was not taken; `settle` is not called then.
        """

    def close(self) -> None:
        """Lets go of connections and threads without waiting; what is not stored yet is settled with an error."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many records were sent, wait, and were rejected; and why not all of them were sent."""

    sent: int
    waiting: int
    rejected: int
    reasons: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every record was sent."""
        return not (self.waiting or self.rejected)

    def __str__(self) -> str:
        counts = f"{self.sent} sent, {self.waiting} waiting, {self.rejected} rejected"
        shown = "; ".join(self.reasons[:_SHOWN_REASONS])
        more = len(self.reasons) - _SHOWN_REASONS
        return counts + (f": {shown}" if shown else "") + (f"; and {more} more reasons" if more > 0 else "")


def backoff(first: float = 0.1, most: float = 5.0) -> Iterator[float]:
    """Yields the pauses between attempts in seconds, each twice the one before."""
    yield from itertools.takewhile(lambda pause: pause < most, (first * 2**n for n in itertools.count()))
    yield from itertools.repeat(most)


class Delivery:
    """A bounded queue and the thread that empties it. The thread starts with the first record.

    Args:
        connect: makes a broker; called in the background thread, again after each loss of the connection.
        limit: how many bytes of records may wait; what comes on top is rejected.
        pauses: makes the pauses between attempts, in seconds.
    """

    def __init__(
        self, connect: Callable[[], Broker], *, limit: int, pauses: Callable[[], Iterable[float]] = backoff
    ) -> None:
        self._connect = connect
        self._limit = limit
        self._pauses = pauses
        self._changed = threading.Condition()
        self._queue: deque[Record] = deque()
        self._waiting = self._waiting_bytes = self._sent = self._rejected = 0
        self._rejections: dict[str, None] = {}
        self._trouble = "no answer from the broker yet"
        self._lost_connection = self._given_up = self._stopped = False
        self._thread: threading.Thread | None = None

    def put(self, record: Record) -> None:
        """Queues a record and returns at once; what doesn't fit, or comes after the end, is rejected."""
        with self._changed:
            if self._stopped:
                self.reject("emitted after the transport was closed")
            elif self._waiting_bytes + record.size > self._limit:
                self.reject(f"the {self._limit} bytes of `queue_limit` were full")
            else:
                self._start()
                self._queue.append(record)
                self._waiting += 1
                self._waiting_bytes += record.size
                self._changed.notify_all()

    def reject(self, reason: str) -> None:
        """Counts an event that can't be sent."""
        with self._changed:
            self._rejected += 1
            self._rejections[reason] = None

    def wait(self, timeout: float) -> bool:
        """Blocks until no record waits or no attempt is left, at most `timeout` seconds; returns whether none waits."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting or self._given_up, timeout)
            return not self._waiting

    def close(self, timeout: float) -> Tally:
        """Waits like `wait`, stops the thread within GRACE seconds more, and returns the final count."""
        self.wait(timeout)
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(GRACE)
        return self.tally()

    def tally(self) -> Tally:
        """Returns the count as of now."""
        with self._changed:
            reasons = (*((self._trouble,) if self._waiting else ()), *self._rejections)
            return Tally(sent=self._sent, waiting=self._waiting, rejected=self._rejected, reasons=reasons)

    def _start(self) -> None:
        if self._thread is None:
            # A daemon, because a thread that hangs in a system call must not keep dbt-ol from ending.
            self._thread = threading.Thread(target=self._run, name="headwater-delivery", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        try:
            for pause in self._pauses_between_connections():
                self._send_until_lost()
                self._sleep(pause)
        except RefusedError as error:
            self._give_up(str(error))
        except Exception as error:  # noqa: BLE001 # the top of the thread: what nobody foresaw is told in the summary
            self._give_up(f"the emitter failed, please report it: {type(error).__name__}: {error}")

    def _pauses_between_connections(self) -> Iterator[float]:
        sent_before = -1
        pauses = iter(self._pauses())
        while not (self._stopped or self._given_up):
            # A connection that brought something through was a good one: start over with short pauses.
            if self._sent > sent_before:
                sent_before, pauses = self._sent, iter(self._pauses())
            yield next(pauses)

    def _send_until_lost(self) -> None:
        """Sends records over one connection until it is lost or the end has come."""
        try:
            broker = self._connect()
        except UnavailableError as error:
            self._set_trouble(str(error))
            return
        self._set_trouble("no acknowledgement from the broker yet")
        self._lost_connection = False
        try:
            while (record := self._next()) is not None:
                self._send(broker, record)
        finally:
            broker.close()

    def _send(self, broker: Broker, record: Record) -> None:
        settle = partial(self._settle, record)
        try:
            broker.send(record, settle)
        except DeliveryError as error:
            settle(error)

    def _next(self) -> Record | None:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._lost_connection or self._stopped)
            return None if self._lost_connection or self._stopped else self._queue.popleft()

    def _settle(self, record: Record, error: DeliveryError | None) -> None:
        with self._changed:
            if error is not None and not isinstance(error, RejectedError):
                # Order does not matter to who folds the events, so the record goes to the end.
                self._queue.append(record)
                self._set_trouble(str(error))
                self._lost_connection = True
                self._given_up = self._given_up or isinstance(error, RefusedError)
            else:
                self._waiting -= 1
                self._waiting_bytes -= record.size
                self._sent += error is None
                if error is not None:
                    self.reject(str(error))
            self._changed.notify_all()

    def _set_trouble(self, reason: str) -> None:
        # What fails after the end fails because of the end, and must not hide what went wrong before.
        with self._changed:
            self._trouble = self._trouble if self._stopped else reason

    def _give_up(self, reason: str) -> None:
        with self._changed:
            self._set_trouble(reason)
            self._given_up = True
            self._changed.notify_all()

    def _sleep(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped, seconds)
