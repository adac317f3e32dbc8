"""Delivery: takes records at once, sends them from a background thread, and tells the truth about each.

Every record that was put is, at any moment, exactly one of sent (acknowledged), waiting, set aside, or lost.
"""

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from emitter.brokers.broker import Broker
from emitter.dbt.node_names import node_in
from emitter.delivery.delivery_summary import Tally
from emitter.delivery.in_flight_batch import Flight
from emitter.delivery.outbox import Outbox
from emitter.errors import DeliveryError, RefusedError, RejectedError, SpoolError, TooLargeError, UnavailableError
from emitter.record import Record
from emitter.send_batch import Window
from emitter.shrink import reduced

# How long the thread gets to put its things away once the deadline has passed, in seconds.
GRACE = 1.0
# How often a process looks whether another one has sent its records or let go of the turn, in seconds.
_POLL = 0.1


def backoff(first: float = 0.1, most: float = 5.0) -> Iterator[float]:
    """Yields the pauses between attempts in seconds, each twice the one before."""
    yield from itertools.takewhile(lambda pause: pause < most, (first * 2**n for n in itertools.count()))
    yield from itertools.repeat(most)


class Delivery:
    """An outbox and the thread that empties it. The thread starts with the first record, or with `start`.

    Args:
        connect: makes a broker; called in the background thread, again after each loss of the connection.
        outbox: where records wait.
        pauses: makes the pauses between attempts, in seconds.
    """

    def __init__(
        self, connect: Callable[[], Broker], outbox: Outbox, *, pauses: Callable[[], Iterable[float]] = backoff
    ) -> None:
        self._connect = connect
        self._outbox = outbox
        self._pauses = pauses
        self._changed = threading.Condition()
        # The nodes that the rejected events were about, one entry for each event.
        self._rejected: list[str] = []
        self._reasons: dict[str, None] = {}
        self._trouble = "no answer from the broker yet"
        self._progress = 0
        # How many of the next records are sent one by one.
        self._alone = 0
        self._given_up = self._stopped = False
        self._thread: threading.Thread | None = None

    def put(self, record: Record) -> None:
        """Keeps a record and returns at once; what doesn't fit, or comes after the end, is lost and counted."""
        with self._changed:
            if self._stopped:
                self.reject("emitted after the transport was closed", node_in(record.value))
                return
            try:
                self._outbox.append(record)
            except SpoolError as error:
                self._reasons[str(error)] = None
            self.start()
            self._changed.notify_all()

    def refuse(self, reason: str) -> None:
        """Sends nothing in this process: what is put is kept for a later run."""
        self._give_up(reason)

    def reject(self, reason: str, node: str) -> None:
        """Counts an event that is lost, and keeps the name of the node that it was about."""
        with self._changed:
            self._rejected.append(node)
            self._reasons[reason] = None

    def start(self) -> None:
        """Starts the thread, if it doesn't run."""
        if self._thread is None and not self._given_up:
            # A daemon, because a thread that hangs in a system call must not keep dbt-ol from ending.
            self._thread = threading.Thread(target=self._run, name="headwater-delivery", daemon=True)
            self._thread.start()

    def wait(self, timeout: float) -> bool:
        """Blocks until no record waits or no attempt is left, at most `timeout` seconds; returns whether none waits."""
        with self._changed:
            self._changed.wait_for(lambda: self._given_up or not self._pending(), timeout)
            return not self._pending()

    @property
    def is_idle(self) -> bool:
        """True if no record waits or no attempt is left."""
        with self._changed:
            return self._given_up or not self._pending()

    def close(self, timeout: float) -> Tally:
        """Waits like `wait`, stops the thread within GRACE seconds more, and returns the final count."""
        self.wait(timeout)
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(GRACE)
        self._outbox.close()
        return self.tally()

    def leave_to_parent(self) -> None:
        """In a forked process, lets go of the parent's files; nothing else of this object can be used there."""
        self._outbox.leave_to_parent()

    def tally(self) -> Tally:
        """Returns the count as of now."""
        with self._changed:
            counts = self._outbox.counts()
            reasons = (*((self._trouble,) if counts.waiting or counts.lost else ()), *self._reasons)
            return Tally(
                sent=counts.sent,
                waiting=counts.waiting,
                aside=counts.aside,
                lost=counts.lost + len(self._rejected),
                earlier=counts.earlier,
                reasons=reasons,
                lost_nodes=(*self._outbox.lost_nodes(), *self._rejected),
            )

    def tally_if_ended(self) -> Tally:
        """Returns what the count would be if this process were killed now: what waits in memory is lost then."""
        with self._changed:
            found, unsaved = self.tally(), self._outbox.in_memory()
            return replace(found, waiting=max(0, found.waiting - unsaved), lost=found.lost + unsaved)

    def _pending(self) -> bool:
        return self._outbox.counts().waiting > 0

    def _run(self) -> None:
        try:
            for pause in self._pauses_between_connections():
                self._send_until_lost()
                self._sleep(pause)
        except (RefusedError, SpoolError) as error:
            self._give_up(str(error))
        except Exception as error:  # noqa: BLE001 # the top of the thread: what nobody foresaw is told in the summary
            self._give_up(f"the emitter failed, please report it: {type(error).__name__}: {error}")

    def _pauses_between_connections(self) -> Iterator[float]:
        progress_before = -1
        pauses = iter(self._pauses())
        while not (self._stopped or self._given_up):
            # A connection that brought something through was a good one: start over with short pauses.
            if self._progress > progress_before:
                progress_before, pauses = self._progress, iter(self._pauses())
            yield next(pauses)

    def _send_until_lost(self) -> None:
        """Sends records over one connection until it is lost or the end has come."""
        try:
            broker = self._connect()
        except UnavailableError as error:
            self._set_trouble(str(error))
            return
        self._set_trouble("no acknowledgement from the broker yet")
        try:
            while self._await_records():
                if not self._send_all(broker):
                    return
        finally:
            broker.close()

    def _await_records(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._pending())
            return not self._stopped

    def _send_all(self, broker: Broker) -> bool:
        """Sends all that may be sent now; returns whether the connection is still good."""
        with self._outbox.turn():
            while not self._stopped and (window := self._outbox.window()):
                if not self._send_window(broker, window):
                    return False
        with self._changed:
            # What still waits is another process's turn; it may be done by now.
            self._changed.notify_all()
            if self._pending():
                self._changed.wait_for(lambda: self._stopped, _POLL)
        return True

    def _send_window(self, broker: Broker, window: Window) -> bool:
        flight = Flight(window.first() if self._alone else window, self._changed)
        if not self._fly(broker, flight):
            broker.close()  # which settles the rest
        return self._account(broker, flight)

    def _fly(self, broker: Broker, flight: Flight) -> bool:
        """Sends and waits; returns whether all is settled, or False when the end comes first."""
        flight.send(broker)
        with self._changed:
            self._changed.wait_for(lambda: flight.landed or self._stopped)
            # What is acknowledged in this moment needn't be sent again by the next run.
            return self._changed.wait_for(lambda: flight.landed, GRACE / 2)

    def _account(self, broker: Broker, flight: Flight) -> bool:
        """Notes what became of a window, up to the first record that has to be sent again."""
        sent = aside = 0
        failure: DeliveryError | None = None
        records = len(flight.window.records)
        for record, fate in flight.fates():
            if isinstance(fate, RejectedError) and records > 1:
                # Kafka rejects batches. Whose fault it is shows when each record is sent alone.
                self._alone = records - sent
                break
            failure = self._send_reduced(broker, record, fate) if isinstance(fate, TooLargeError) else fate
            if isinstance(failure, RejectedError):
                self._set_aside(record, failure)
                aside, failure = aside + 1, None
            elif failure is None:
                sent += 1
            else:
                break
        self._advance(flight.window, sent, aside)
        if failure is None:
            self._outbox.note_trouble(None)
            return True
        self._fail(failure)
        return False

    def _advance(self, window: Window, sent: int, aside: int) -> None:
        with self._changed:
            self._outbox.advance(window, sent, aside)
            self._progress += sent
            self._alone = max(0, self._alone - sent - aside)
            self._changed.notify_all()

    def _set_aside(self, record: Record, error: DeliveryError) -> None:
        self._outbox.set_aside(record, str(error))
        with self._changed:
            self._reasons[str(error)] = None

    def _fail(self, error: DeliveryError) -> None:
        if isinstance(error, RefusedError):
            raise error
        self._set_trouble(str(error))

    def _send_reduced(self, broker: Broker, record: Record, error: DeliveryError) -> DeliveryError | None:
        """Sends a record that is too large with ever fewer facets; returns the error if even the least doesn't fit."""
        for smaller in reduced(record):
            flight = Flight(Window((smaller,)), self._changed)
            if not self._fly(broker, flight):
                return UnavailableError("the end came while an event was being reduced")
            [(_, fate)] = flight.fates()
            if not isinstance(fate, TooLargeError):
                if fate is None:
                    with self._changed:
                        self._reasons[f"too large and sent without some of its facets: {error}"] = None
                return fate
        return error

    def _set_trouble(self, reason: str) -> None:
        # What fails after the end fails because of the end, and must not hide what went wrong before.
        with self._changed:
            if not self._stopped:
                self._trouble = reason
                self._outbox.note_trouble(reason)

    def _give_up(self, reason: str) -> None:
        with self._changed:
            self._set_trouble(reason)
            self._given_up = True
            self._changed.notify_all()

    def _sleep(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped, seconds)
