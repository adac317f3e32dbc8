"""The service's heart: takes records, folds a batch into the sink, and only then commits.

This thread reads, decodes and commits; others write the batches before, several of them at once where the sink can
take that. Batches are committed in the order in which they were read, whichever is written first. Whatever is written
may be written again: after a crash, a failed commit or a rebalance the same records come once more, and the sink takes
them without effect.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from typing import Final, NamedTuple

import structlog
from tenacity.wait import wait_base

from consumer.config.settings import BatchSettings, DeadLetterSettings
from consumer.errors import TransientError
from consumer.processing.batch import Batch, Decode, most_weight
from consumer.processing.batch_writer import Flights
from consumer.processing.dead_letter import DeadLetter, DeadLetters
from consumer.processing.dead_letter_limit import Flood
from consumer.processing.observer import Observer, Report, Unobserved
from consumer.processing.offset_tracker import Offsets
from consumer.processing.ports import Source
from consumer.processing.record import Record, TopicPartition
from consumer.processing.retry import Insistence
from consumer.processing.sink import Sink

IDLE_S: Final = 0.5
"""Longest wait for records, and so for a request to stop to be seen, in seconds."""

BUSY_S: Final = 0.05
"""The same while a batch is being written, and so for its end to be seen."""

HOLD_S: Final = 3.0
"""How long the group may wait for a member that takes no more records, in seconds. A pause makes Kafka's client drop
what it has fetched, so it is not done for a moment."""

_log = structlog.get_logger(__name__)

Clock = Callable[[], float]


class _Flight(NamedTuple):
    """A batch that is being written.

    Attributes:
        batch: It.
        began: When that began, in seconds of the loop's clock.
        outcome: Its dead letters, once it is durable.
        gone: The partitions that were revoked meanwhile. If one is given back, its records come again; and if its topic
            was made anew, the same offsets are other records.
    """

    batch: Batch
    began: float
    outcome: Future[list[DeadLetter] | None]
    gone: set[TopicPartition]


class Loop:
    """Moves records from a source to a sink until it is told to stop.

    Args:
        source: Its group membership; closed at the end of `run`.
        decode: From a record's value to an event; raises `RejectedEvent`.
        sink: Where events go.
        dead_letters: Where records go that can't be folded.
        batching: How much is written at once, and how it is tried again.
        clock: Seconds; monotonic.
        stop: Set by a signal's handler, for example; what is in hand is finished, then the group is left.
        rejecting: What is rejected, and when that is too much.
        in_flight: How many batches may be written at once, if they are not too large together; more than one only for
            a sink that several threads may use.
        observer: Notified of each batch and each failure; of the latter on the writing threads, too.
        wait: How long to wait between two tries; exponential with jitter unless said otherwise.
        sleep: Waits for so many seconds, or until `stop` is set.
        executor: Runs the writing; `in_flight` threads of its own by default.
        wall_clock: Seconds since 1970, against which events from the future are told.
    """

    def __init__(
        self,
        source: Source,
        decode: Decode,
        sink: Sink,
        dead_letters: DeadLetters,
        batching: BatchSettings,
        clock: Clock,
        stop: threading.Event,
        *,
        rejecting: DeadLetterSettings | None = None,
        in_flight: int = 1,
        observer: Observer | None = None,
        wait: wait_base | None = None,
        sleep: Callable[[float], None] | None = None,
        executor: Executor | None = None,
        wall_clock: Clock = time.time,
    ) -> None:
        self._source = source
        self._decode = decode
        self._batching = batching
        self._rejecting = rejecting or DeadLetterSettings()
        self._clock = clock
        self._wall_clock = wall_clock
        self._stop = stop
        self._observer = observer or Unobserved()
        self._insist = Insistence(batching, clock, stop, self._observer, sleep=sleep or self._pause, wait=wait)
        self._flights = Flights(sink, dead_letters, Flood(self._rejecting), self._insist)
        self._in_flight = in_flight
        self._executor = executor or ThreadPoolExecutor(in_flight, thread_name_prefix="headwater-writer")
        self._arrived: deque[Record] = deque()
        self._batch = Batch()
        self._flown: deque[_Flight] = deque()
        self._offsets = Offsets()
        self._moved = self._polled = clock()
        self._oldest = float("inf")

    def waiting_s(self) -> float:
        """Age in seconds of the oldest record in hand that is not committed; for health checks, from any thread."""
        return max(0.0, self._clock() - self._oldest)

    def still_s(self) -> float:
        """Seconds since the loop last took a step; for health checks, from any thread."""
        return self._clock() - self._moved

    def run(self) -> None:
        """Works until `stop` is set; then finishes what is in hand and leaves the group.

        If the sink can't take it at that moment, it stays uncommitted, and whoever comes next gets it again.

        Raises:
            GaveUp: Something failed for longer than `batch.give_up_after_s`.
            Flooded: Too much is rejected.
            UsageError: The source refuses the settings.
        """
        try:
            self._insist("joining", lambda: self._source.subscribe(self._drop, self._observer.lost))
            while not self._stop.is_set():
                self._turn()
            self._finish()
        finally:
            self._stop.set()  # else a batch that can't be written would be tried for ever
            self._executor.shutdown()
            self._leave()

    def _turn(self) -> None:
        self._note()
        self._insist("polling", self._take)
        self._fill()
        self._settle()
        if self._is_due():
            self._launch()

    def _note(self) -> None:
        """Notes for other threads where it is."""
        self._moved = now = self._clock()
        waiting = self._offsets.waiting_s(now)
        self._oldest = now - waiting if waiting else float("inf")

    def _take(self) -> None:
        """Takes what has come; or, where no more can be taken, stays a member of the group."""
        if self._arrived or self._is_full():
            self._await_flight(IDLE_S)
            if self._clock() - self._polled >= HOLD_S:
                # A member that does not poll is counted out, and its share moves for nothing.
                self._source.heartbeat(0)
                self._polled = self._clock()
            return
        # First the poll, then the queue: a poll may revoke, which thins out the queue.
        found = self._source.poll(self._patience(), self._batching.max_records - len(self._batch.records))
        self._polled = now = self._clock()
        for record in found:
            self._offsets.take(record.place, record.offset, now)
        self._arrived.extend(found)

    def _patience(self) -> float:
        if self._flown:
            return BUSY_S
        if not self._batch.records:
            return IDLE_S
        return min(IDLE_S, max(0.0, self._batching.max_age_s - (self._clock() - self._batch.since)))

    def _fill(self) -> None:
        """Decodes what arrived into the next batch."""
        now_ms = int(self._wall_clock() * 1000)
        while self._arrived and not self._is_full():
            if not self._batch.records:
                self._batch.since = self._clock()
            self._batch.add(self._arrived.popleft(), self._decode, self._rejecting.max_ahead_s, now_ms)

    def _is_full(self) -> bool:
        return self._batch.is_full(self._batching.max_records, self._batching.max_bytes)

    def _is_due(self) -> bool:
        if not self._batch.records or not self._may_launch():
            return False
        return self._is_full() or self._clock() - self._batch.since >= self._batching.max_age_s

    def _may_launch(self) -> bool:
        """True if one more batch may be written: memory does not hold any number of large ones."""
        if len(self._flown) >= self._in_flight:
            return False
        return not self._flown or sum(flight.batch.weight for flight in self._flown) < most_weight(
            self._batching.max_bytes
        )

    def _launch(self) -> None:
        batch, self._batch = self._batch, Batch()
        self._flown.append(_Flight(batch, self._clock(), self._executor.submit(self._flights.fly, batch), set()))

    def _await_flight(self, seconds: float) -> None:
        if self._flown:
            wait_for([self._flown[0].outcome], seconds)

    def _settle(self) -> None:
        """Commits the batches that are written, up to the first one that is not."""
        written: list[tuple[_Flight, int, float]] = []
        while self._flown and self._flown[0].outcome.done():
            flight = self._flown.popleft()
            letters = flight.outcome.result()
            if letters is None:
                self._give_up(flight.batch)
                continue
            for record in flight.batch.records:
                if record.place not in flight.gone:
                    self._offsets.done(record.place, record.offset)
            written.append((flight, len(letters), self._clock()))
        if written and self._insist("committing", self._commit):
            for flight, rejected, ended in written:
                self._observer.committed(_report(flight, rejected, ended, self._clock()))

    def _give_up(self, unwritten: Batch) -> None:
        """Leaves records to the member that comes next, as it is time to go and the sink does not take them."""
        records = len(unwritten.records) + len(self._batch.records) + len(self._arrived)
        _log.warning("stopping with records unwritten; they come again", records=records)
        # What waits behind them would fare no better, and each try takes as long as the sink's patience.
        self._batch = Batch()
        self._arrived.clear()

    def _commit(self) -> None:
        due = self._offsets.due()
        if not due:
            return
        try:
            self._source.commit(due)
        except TransientError:
            # It may be a rebalance that has to be taken part in; what that takes is not due any more.
            self._source.heartbeat(0)
            raise
        self._offsets.committed(due)

    def _finish(self) -> None:
        """Writes and commits what is in hand, until that fails."""
        while self._flown or self._batch.records:
            if self._batch.records and self._may_launch():
                self._launch()
            self._await_flight(IDLE_S)
            self._note()
            self._settle()
            self._fill()

    def _drop(self, gone: Collection[TopicPartition]) -> None:
        """Revoked: the new owner begins at what is committed, so these come to it again.

        What is being written of them is written to the end, which does no harm.
        """
        for flight in self._flown:
            flight.gone.update(gone)
        self._batch.drop(gone)
        self._arrived = deque(record for record in self._arrived if record.place not in gone)
        self._offsets.forget(gone)
        _log.info("partitions revoked", partitions=[str(place) for place in sorted(gone)])

    def _pause(self, seconds: float) -> None:
        self._stop.wait(seconds)

    def _leave(self) -> None:
        try:
            self._source.close()
        except TransientError as error:
            # The group counts the member out when its session ends; nothing is lost by it.
            _log.warning("leaving the group failed", error=str(error))


def _report(flight: _Flight, rejected: int, ended: float, now: float) -> Report:
    batch = flight.batch
    return Report(
        records=len(batch.records),
        events=len(batch.records) - rejected,
        rejected=rejected,
        size=batch.size,
        seconds=now - batch.since,
        write_s=ended - flight.began,
        newest_ms=max(record.timestamp_ms for record in batch.records),
    )
