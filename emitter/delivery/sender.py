"""The sender: accepts records at once, sends them from a background thread, and counts the outcome of each.

Every accepted record is, at any moment, exactly one of sent (acknowledged), waiting, quarantined, or lost.
"""

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from emitter.brokers.broker import Broker
from emitter.dbt.node_names import node_in
from emitter.delivery.delivery_attempt import DeliveryAttempt
from emitter.delivery.delivery_summary import DeliverySummary
from emitter.delivery.outbox import Outbox
from emitter.errors import (
    ClockError,
    DeliveryError,
    RefusedError,
    RejectedError,
    SpoolError,
    TooLargeError,
    UnavailableError,
)
from emitter.record import Record
from emitter.send_batch import SendBatch
from emitter.shrink import shrink

# Seconds that the thread gets to close its connection after the deadline.
GRACE = 1.0
# Seconds between two looks at records that another process has the lock for: no event reports that it sent them.
_POLL = 0.1
# Seconds for which the first record of a batch waits for more, unless somebody waits for it: a batch costs ten times as
# much as a record.
_GATHER = 0.05


def backoff(first: float = 0.1, most: float = 5.0) -> Iterator[float]:
    """Yields the pauses between attempts in seconds, each twice as long as the previous one."""
    yield from itertools.takewhile(lambda pause: pause < most, (first * 2**n for n in itertools.count()))
    yield from itertools.repeat(most)


class Sender:
    """An outbox and the thread that empties it. The thread starts with the first record, or with `start`.

    Args:
        connect: Makes a broker; called in the background thread, again after each loss of the connection.
        outbox: Keeps the records until they are sent.
        pauses: Makes the pauses between attempts, in seconds.
    """

    def __init__(
        self, connect: Callable[[], Broker], outbox: Outbox, *, pauses: Callable[[], Iterable[float]] = backoff
    ) -> None:
        self._connect = connect
        self._outbox = outbox
        self._pauses = pauses
        self._changed = threading.Condition()
        # The dbt node of each rejected event.
        self._rejected: list[str] = []
        self._reasons: dict[str, None] = {}
        self._last_error = "no answer from the broker yet"
        self._progress = 0
        # The number of the next records that are sent one by one.
        self._single_sends_left = 0
        self._given_up = self._stopped = self._awaits_records = False
        self._urgent = threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, record: Record) -> None:
        """Keeps a record and returns at once; one that does not fit, or comes after `close`, is counted as lost."""
        with self._changed:
            if self._stopped:
                self.reject("emitted after the transport was closed", node_in(record.value))
                return
            try:
                self._outbox.append(record)
            except SpoolError as error:
                self._reasons[str(error)] = None
            self.start()
            if self._awaits_records:
                # A thread that sends must not be woken by each record.
                self._changed.notify_all()

    def refuse(self, reason: str) -> None:
        """Sends nothing in this process: records are kept for a later run."""
        self._give_up(reason)

    def reject(self, reason: str, node: str) -> None:
        """Counts a lost event, and keeps the name of its node for the summary."""
        with self._changed:
            self._rejected.append(node)
            self._reasons[reason] = None

    def start(self) -> None:
        """Starts the thread, if it is not running."""
        if self._thread is None and not self._given_up:
            # A daemon, because a thread that is blocked in a system call must not keep dbt-ol from exiting.
            self._thread = threading.Thread(target=self._run, name="headwater-delivery", daemon=True)
            self._thread.start()

    def wait(self, timeout: float) -> bool:
        """Blocks until no record waits or no attempt is left, at most `timeout` seconds; returns True if none waits."""
        self._urgent.set()
        with self._changed:
            self._changed.wait_for(lambda: self._given_up or not self._pending(), timeout)
            return not self._pending()

    @property
    def is_idle(self) -> bool:
        """True if no record waits or no attempt is left."""
        with self._changed:
            return self._given_up or not self._pending()

    def close(self, timeout: float) -> DeliverySummary:
        """Waits like `wait`, stops the thread within GRACE seconds more, and returns the final counts."""
        self.wait(timeout)
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(GRACE)
        self._outbox.close()
        return self.summary()

    def leave_to_parent(self) -> None:
        """Closes the parent's files in a forked process; nothing else of this object can be used there."""
        self._outbox.leave_to_parent()

    def summary(self) -> DeliverySummary:
        """Returns the current counts."""
        with self._changed:
            counts = self._outbox.counts()
            reasons = (*((self._last_error,) if counts.waiting or counts.lost else ()), *self._reasons)
            return DeliverySummary(
                sent=counts.sent,
                waiting=counts.waiting,
                quarantined=counts.quarantined,
                lost=counts.lost + len(self._rejected),
                earlier=counts.earlier,
                reasons=reasons,
                lost_nodes=(*self._outbox.lost_nodes(), *self._rejected),
            )

    def summary_if_killed(self) -> DeliverySummary:
        """Returns the counts as they would be if this process were killed now: records in memory are lost then."""
        with self._changed:
            found, unsaved = self.summary(), self._outbox.in_memory()
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
        except Exception as error:  # noqa: BLE001 # the top of the thread: the summary reports the error
            self._give_up(f"the emitter failed, please report it: {type(error).__name__}: {error}")

    def _pauses_between_connections(self) -> Iterator[float]:
        progress_before = -1
        pauses = iter(self._pauses())
        while not (self._stopped or self._given_up):
            # A connection that delivered records was good: start over with short pauses.
            if self._progress > progress_before:
                progress_before, pauses = self._progress, iter(self._pauses())
            yield next(pauses)

    def _send_until_lost(self) -> None:
        """Sends records over one connection until it is lost or the sender is closed."""
        try:
            broker = self._connect()
        except UnavailableError as error:
            self._set_last_error(str(error))
            return
        self._set_last_error("no acknowledgement from the broker yet")
        try:
            while self._await_records():
                if not self._send_all(broker):
                    return
        finally:
            broker.close()

    def _await_records(self) -> bool:
        with self._changed:
            self._awaits_records = True
            self._changed.wait_for(lambda: self._stopped or self._pending())
            self._awaits_records = False
        self._urgent.wait(_GATHER)
        return not self._stopped

    def _send_all(self, broker: Broker) -> bool:
        """Sends all records that may be sent now; returns True if the connection is still good."""
        with self._outbox.exclusive():
            while not self._stopped and (batch := self._outbox.next_batch()):
                if not self._send_batch(broker, batch):
                    return False
        with self._changed:
            # Another process has the lock for the records that still wait, and may have sent them by now.
            self._changed.notify_all()
            if self._pending():
                self._changed.wait_for(lambda: self._stopped, _POLL)
        return True

    def _send_batch(self, broker: Broker, batch: SendBatch) -> bool:
        attempt = DeliveryAttempt(batch.first() if self._single_sends_left else batch, self._changed)
        if not self._send_and_wait(broker, attempt):
            broker.close()  # which reports the rest
        return self._account(broker, attempt)

    def _send_and_wait(self, broker: Broker, attempt: DeliveryAttempt) -> bool:
        """Sends a batch and waits; returns False if the sender is closed before all results are there."""
        attempt.send(broker)
        with self._changed:
            self._changed.wait_for(lambda: attempt.settled or self._stopped)
            # A record that is acknowledged meanwhile need not be sent again by the next run.
            return self._changed.wait_for(lambda: attempt.settled, GRACE / 2)

    def _account(self, broker: Broker, attempt: DeliveryAttempt) -> bool:
        """Records the results of a batch, up to the first record that has to be sent again."""
        sent = quarantined = 0
        failure: DeliveryError | None = None
        records = len(attempt.batch.records)
        # Of all: the first one may have failed because a later one was refused for its time before.
        for _, result in attempt.results():
            self._note_clock(result)
        for record, result in attempt.results():
            if isinstance(result, RejectedError) and records > 1:
                # Kafka rejects batches. Which record is invalid shows when each is sent alone.
                self._single_sends_left = records - sent
                break
            failure = self._send_changed(broker, record, result)
            if isinstance(failure, RejectedError):
                self._quarantine(record, failure)
                quarantined, failure = quarantined + 1, None
            elif failure is None:
                sent += 1
            else:
                break
        self._advance(attempt.batch, sent, quarantined)
        if failure is None:
            self._outbox.record_error(None)
            return True
        self._fail(failure)
        return False

    def _advance(self, batch: SendBatch, sent: int, quarantined: int) -> None:
        with self._changed:
            self._outbox.advance(batch, sent, quarantined)
            self._progress += sent
            self._single_sends_left = max(0, self._single_sends_left - sent - quarantined)
            self._changed.notify_all()

    def _quarantine(self, record: Record, error: DeliveryError) -> None:
        self._outbox.quarantine(record, str(error))
        with self._changed:
            self._reasons[str(error)] = None

    def _fail(self, error: DeliveryError) -> None:
        if isinstance(error, RefusedError):
            raise error
        self._set_last_error(str(error))

    def _note_clock(self, result: DeliveryError | None) -> None:
        if isinstance(result, ClockError):
            with self._changed:
                self._reasons[f"sent without a time: {result}"] = None

    def _send_changed(self, broker: Broker, record: Record, result: DeliveryError | None) -> DeliveryError | None:
        """Sends a record again that can be accepted in another form; returns the last result."""
        if isinstance(result, TooLargeError):
            return self._send_shrunk(broker, record, result)
        return self._send_once(broker, record) if isinstance(result, ClockError) else result

    def _send_alone(self, broker: Broker, record: Record) -> DeliveryError | None:
        result = self._send_once(broker, record)
        # After its first such error, the broker sends records without a time.
        return self._send_once(broker, record) if isinstance(result, ClockError) else result

    def _send_once(self, broker: Broker, record: Record) -> DeliveryError | None:
        attempt = DeliveryAttempt(SendBatch((record,)), self._changed)
        if not self._send_and_wait(broker, attempt):
            return UnavailableError("the transport was closed while an event was being sent in another form")
        [(_, result)] = attempt.results()
        return result

    def _send_shrunk(self, broker: Broker, record: Record, error: DeliveryError) -> DeliveryError | None:
        """Sends a record that is too large with ever fewer facets; returns the last error if none is accepted."""
        for smaller in shrink(record):
            result = self._send_alone(broker, smaller)
            if not isinstance(result, TooLargeError):
                if result is None:
                    with self._changed:
                        self._reasons[f"too large and sent without some of its facets: {error}"] = None
                return result
        return error

    def _set_last_error(self, reason: str) -> None:
        # A failure after `close` is a consequence of it, and must not hide the reason before.
        with self._changed:
            if not self._stopped:
                self._last_error = reason
                self._outbox.record_error(reason)

    def _give_up(self, reason: str) -> None:
        with self._changed:
            self._set_last_error(reason)
            self._given_up = True
            self._changed.notify_all()

    def _sleep(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped, seconds)
