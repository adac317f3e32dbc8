"""The stream processor: polls records, folds a batch into the sink, and commits its offsets only then.

This thread polls, decodes and commits; others write the previous batches, several of them at once if the sink allows
it. Batches are committed in the order in which they were polled, whichever is written first. Delivery is at least once:
after a crash, a failed commit or a rebalance the same records are redelivered, and the sink is idempotent.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Executor, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from typing import Final

import structlog

from consumer.config.settings import BatchSettings, DeadLetterSettings
from consumer.errors import TransientError
from consumer.processing.batch import Batch, Decode, most_weight
from consumer.processing.batch_writer import BatchWriter
from consumer.processing.dead_letter import DeadLetters
from consumer.processing.dead_letter_limit import DeadLetterLimit
from consumer.processing.in_flight_batch import InFlightBatch
from consumer.processing.observer import BatchReport, NullObserver, Observer
from consumer.processing.offset_tracker import OffsetTracker
from consumer.processing.ports import RecordSource
from consumer.processing.record import Record, TopicPartition
from consumer.processing.sink import Sink
from consumer.processing.step_retrier import Retrier
from consumer.retry import Backoff

IDLE_S: Final = 0.5
"""Longest wait for records in seconds, and so the longest delay until a request to stop is noticed."""

BUSY_S: Final = 0.05
"""Longest wait for records while a batch is being written, in seconds, so that its end is noticed early."""

PAUSED_HEARTBEAT_S: Final = 3.0
"""Seconds between two heartbeats while no record is polled. Kafka's client discards its fetched records at each pause,
so a short wait for the writer does not pause."""

_log = structlog.get_logger(__name__)

Clock = Callable[[], float]


class StreamProcessor:
    """Moves records from a source to a sink until `stop` is set.

    Args:
        source: The group membership; closed at the end of `run`.
        decode: Decodes a record's value to an event; raises `RejectedEvent`.
        sink: Receiver of events.
        dead_letters: Receiver of records that can't be folded.
        batching: Size of batches, and retry policy.
        clock: Monotonic clock in seconds.
        stop: Set by a signal handler, for example; polled records are then written and the group is left.
        rejecting: Rules of rejection, and the dead-letter limit.
        in_flight: Maximum number of batches in flight, unless they are too large together; more than one only for a
            sink that several threads may use.
        observer: Receives each batch and each failure; failures also on the writing threads.
        backoff: The pause between two attempts; by default exponential with jitter.
        sleep: Pauses for a number of seconds, or until `stop` is set.
        executor: Runs writes; by default on `in_flight` threads of its own.
        wall_clock: Seconds since 1970, to reject events from the future.
    """

    def __init__(
        self,
        source: RecordSource,
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
        backoff: Backoff | None = None,
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
        self._observer = observer or NullObserver()
        sleep = sleep or self._wait_for_stop
        self._retry = Retrier(batching, clock, stop, self._observer.failed, sleep=sleep, backoff=backoff)
        self._writer = BatchWriter(sink, dead_letters, DeadLetterLimit(self._rejecting), self._retry)
        self._max_in_flight = in_flight
        self._executor = executor or ThreadPoolExecutor(in_flight, thread_name_prefix="headwater-writer")
        self._polled: deque[Record] = deque()
        self._batch = Batch()
        self._in_flight: deque[InFlightBatch] = deque()
        self._offsets = OffsetTracker()
        self._progressed_at = self._polled_at = clock()
        self._oldest = float("inf")

    def oldest_uncommitted_age_s(self) -> float:
        """Returns the age in seconds of the oldest polled record that is not committed; callable from any thread."""
        return max(0.0, self._clock() - self._oldest)

    def seconds_since_progress(self) -> float:
        """Returns the seconds since the last step of the processor; callable from any thread."""
        return self._clock() - self._progressed_at

    def run(self) -> None:
        """Processes records until `stop` is set; then writes and commits the polled ones, and leaves the group.

        Records that the sink can't take at that moment stay uncommitted, so the next member of the group gets them.

        Raises:
            RetriesExhausted: A step failed for longer than `batch.give_up_after_s`.
            DeadLetterLimitExceeded: Too many records are rejected.
            UsageError: The source rejects the settings.
        """
        try:
            self._retry("joining", lambda: self._source.subscribe(self._on_partitions_revoked, self._observer.lost))
            while not self._stop.is_set():
                self._run_once()
            self._drain()
        finally:
            self._stop.set()  # else a batch that can't be written would be retried without limit
            self._executor.shutdown()
            self._leave_group()

    def _run_once(self) -> None:
        self._record_progress()
        self._retry("polling", self._poll)
        self._decode_polled()
        self._commit_completed()
        if self._is_due():
            self._submit_batch()

    def _record_progress(self) -> None:
        """Updates the values that other threads read."""
        self._progressed_at = now = self._clock()
        age_s = self._offsets.oldest_uncommitted_age_s(now)
        self._oldest = now - age_s if age_s else float("inf")

    def _poll(self) -> None:
        """Polls records; sends only heartbeats while the next batch is full."""
        if self._polled or self._is_full():
            self._await_write(IDLE_S)
            if self._clock() - self._polled_at >= PAUSED_HEARTBEAT_S:
                # The coordinator removes a member that does not poll, which moves its partitions in vain.
                self._source.heartbeat(0)
                self._polled_at = self._clock()
            return
        # Polled before the queue is extended: a poll may revoke partitions, which removes records from the queue.
        records = self._source.poll(self._poll_timeout(), self._batching.max_records - len(self._batch.records))
        self._polled_at = now = self._clock()
        for record in records:
            self._offsets.track(record.topic_partition, record.offset, now)
        self._polled.extend(records)

    def _poll_timeout(self) -> float:
        if self._in_flight:
            return BUSY_S
        if not self._batch.records:
            return IDLE_S
        return min(IDLE_S, max(0.0, self._batching.max_age_s - (self._clock() - self._batch.since)))

    def _decode_polled(self) -> None:
        """Decodes polled records into the next batch."""
        now_ms = int(self._wall_clock() * 1000)
        while self._polled and not self._is_full():
            if not self._batch.records:
                self._batch.since = self._clock()
            self._batch.add(self._polled.popleft(), self._decode, self._rejecting.max_ahead_s, now_ms)

    def _is_full(self) -> bool:
        return self._batch.is_full(self._batching.max_records, self._batching.max_bytes)

    def _is_due(self) -> bool:
        if not self._batch.records or not self._may_submit():
            return False
        return self._is_full() or self._clock() - self._batch.since >= self._batching.max_age_s

    def _may_submit(self) -> bool:
        """True if one more batch may be in flight: memory does not hold any number of large ones."""
        if len(self._in_flight) >= self._max_in_flight:
            return False
        weight = sum(one.batch.weight for one in self._in_flight)
        return not self._in_flight or weight < most_weight(self._batching.max_bytes)

    def _submit_batch(self) -> None:
        batch, self._batch = self._batch, Batch()
        began = self._clock()
        self._in_flight.append(InFlightBatch(batch, began, self._executor.submit(self._writer.write, batch), set()))

    def _await_write(self, timeout_s: float) -> None:
        if self._in_flight:
            wait_for([self._in_flight[0].dead_letters], timeout_s)

    def _commit_completed(self) -> None:
        """Commits the in-flight batches that are written, up to the first one that is not."""
        written: list[tuple[InFlightBatch, int, float]] = []
        while self._in_flight and self._in_flight[0].dead_letters.done():
            completed = self._in_flight.popleft()
            letters = completed.dead_letters.result()
            if letters is None:
                self._give_up(completed.batch)
                continue
            for record in completed.batch.records:
                if record.topic_partition not in completed.revoked:
                    self._offsets.mark_done(record.topic_partition, record.offset)
            written.append((completed, len(letters), self._clock()))
        if written and self._retry("committing", self._commit):
            for completed, rejected, ended in written:
                self._observer.committed(_report(completed, rejected, ended, self._clock()))

    def _give_up(self, unwritten: Batch) -> None:
        """Leaves records uncommitted, after a request to stop while the sink does not take them."""
        uncommitted = len(unwritten.records) + len(self._batch.records) + len(self._polled)
        _log.warning("stopping, uncommitted records will be redelivered", records=uncommitted)
        # The next batch would fail like this one, and each attempt takes as long as the sink's deadline.
        self._batch = Batch()
        self._polled.clear()

    def _commit(self) -> None:
        offsets = self._offsets.committable()
        if not offsets:
            return
        try:
            self._source.commit(offsets)
        except TransientError:
            # A rebalance may be the cause. The heartbeat takes part in it, and revoked offsets are not committed again.
            self._source.heartbeat(0)
            raise
        self._offsets.committed(offsets)

    def _drain(self) -> None:
        """Writes and commits the polled records, until that fails."""
        while self._in_flight or self._batch.records:
            if self._batch.records and self._may_submit():
                self._submit_batch()
            self._await_write(IDLE_S)
            self._record_progress()
            self._commit_completed()
            self._decode_polled()

    def _on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Discards records of revoked partitions; the new owner resumes at the committed offset and gets them again.

        Those of in-flight batches are written all the same, which is idempotent.
        """
        for written in self._in_flight:
            written.revoked.update(revoked)
        self._batch.drop(revoked)
        self._polled = deque(record for record in self._polled if record.topic_partition not in revoked)
        self._offsets.discard(revoked)
        _log.info("partitions revoked", partitions=[str(partition) for partition in sorted(revoked)])

    def _wait_for_stop(self, timeout_s: float) -> None:
        self._stop.wait(timeout_s)

    def _leave_group(self) -> None:
        try:
            self._source.close()
        except TransientError as error:
            # The coordinator removes the member when its session ends; no record is lost.
            _log.warning("leaving the group failed", error=str(error))


def _report(completed: InFlightBatch, rejected: int, ended: float, now: float) -> BatchReport:
    batch = completed.batch
    return BatchReport(
        records=len(batch.records),
        events=len(batch.records) - rejected,
        rejected=rejected,
        size=batch.size,
        seconds=now - batch.since,
        write_s=ended - completed.began,
        newest_ms=max(record.timestamp_ms for record in batch.records),
    )
