"""The service's heart: takes records, folds a batch into the sink, and only then commits.

Whatever is written may be written again: after a crash, a failed commit or a rebalance the same records come once more,
and the sink takes them without effect.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final

import structlog
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential, wait_random
from tenacity.wait import wait_base

from consumer.errors import GaveUp, RejectedRecord, TransientError
from consumer.kafka.dead_letters import DeadLetter, DeadLetters
from consumer.kafka.offsets import Offsets
from consumer.kafka.record import Record, TopicPartition
from consumer.kafka.source import Source
from consumer.setting_groups import BatchSettings
from consumer.sink import Sink
from schemas.errors import RejectedEvent
from schemas.events import Event

IDLE_S: Final = 0.5
"""Longest wait for records, and so for a request to stop to be seen, in seconds."""

TOMBSTONE = "the record has no value (a tombstone), so there is no event in it"

_log = structlog.get_logger(__name__)

Decode = Callable[[bytes], Event]
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Report:
    """One batch that is written and committed.

    Attributes:
        records: How many records it had.
        events: How many of them were events.
        rejected: How many are dead letters now.
        size: Bytes of keys and values.
        seconds: From the first record's arrival to the commit.
    """

    records: int
    events: int
    rejected: int
    size: int
    seconds: float


@dataclass
class _Batch:
    """Records in hand, each decoded, and how far its writing has come."""

    since: float = 0.0
    records: list[Record] = field(default_factory=list)
    events: list[tuple[Record, Event]] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    size: int = 0
    written: bool = False
    mourned: bool = False

    def drop(self, gone: Collection[TopicPartition]) -> None:
        self.records = [record for record in self.records if record.place not in gone]
        self.events = [(record, event) for record, event in self.events if record.place not in gone]
        self.letters = [letter for letter in self.letters if letter.record.place not in gone]
        self.size = sum(record.size for record in self.records)


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
        report: Told of each batch; for metrics.
        wait: How long to wait between two tries; exponential with jitter unless said otherwise.
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
        report: Callable[[Report], None] = lambda _: None,
        wait: wait_base | None = None,
    ) -> None:
        self._source = source
        self._decode = decode
        self._sink = sink
        self._dead_letters = dead_letters
        self._batching = batching
        self._clock = clock
        self._stop = stop
        self._report = report
        # With jitter, so that members whom one failure stopped do not all come back at once.
        self._wait = wait or wait_exponential(
            multiplier=batching.retry_first_s, max=batching.retry_max_s
        ) + wait_random(0, batching.retry_first_s)
        self._arrived: deque[Record] = deque()
        self._batch = _Batch()
        self._offsets = Offsets()

    def waiting_s(self) -> float:
        """Age in seconds of the oldest record in hand that is not committed; for health checks."""
        return self._offsets.waiting_s(self._clock())

    def run(self) -> None:
        """Works until `stop` is set; then finishes what is in hand and leaves the group.

        If the sink can't take it at that moment, it stays uncommitted, and whoever comes next gets it again.

        Raises:
            GaveUp: Something failed for longer than `batch.give_up_after_s`.
            UsageError: The source refuses the settings.
        """
        try:
            self._insist("joining", lambda: self._source.subscribe(self._drop), self._idle)
            while not self._stop.is_set():
                self._insist("polling", self._take, self._idle)
                self._fold()
            self._flush()
        finally:
            self._leave()

    def _take(self) -> None:
        batch = self._batch
        age = self._clock() - batch.since
        patience = min(IDLE_S, max(0.0, self._batching.max_age_s - age)) if batch.records else IDLE_S
        # First the poll, then the queue: a poll may revoke, which thins out the queue.
        found = self._source.poll(patience, self._batching.max_records - len(batch.records))
        now = self._clock()
        for record in found:
            self._offsets.take(record.place, record.offset, now)
        self._arrived.extend(found)

    def _fold(self) -> None:
        """Fills batches from what arrived; a flush may meet a rebalance, which thins out what is left."""
        while self._arrived:
            self._add(self._arrived.popleft())
            if self._is_full() and not self._flush():
                return
        if self._batch.records and self._clock() - self._batch.since >= self._batching.max_age_s:
            self._flush()

    def _add(self, record: Record) -> None:
        batch = self._batch
        if not batch.records:
            batch.since = self._clock()
        batch.records.append(record)
        batch.size += record.size
        try:
            batch.events.append((record, self._event(record)))
        except (RejectedEvent, RejectedRecord) as error:
            batch.letters.append(DeadLetter(record, error.reason, error.path))
            _log.warning("record rejected", record=str(record), path=error.path, reason=error.reason)

    def _event(self, record: Record) -> Event:
        if record.value is None:
            raise RejectedRecord(TOMBSTONE)
        return self._decode(record.value)

    def _is_full(self) -> bool:
        batch, limits = self._batch, self._batching
        return len(batch.records) >= limits.max_records or batch.size >= limits.max_bytes

    def _flush(self) -> bool:
        """Writes and commits what is in hand; false if that failed after a request to stop."""
        if not self._insist("writing", self._finish, self._hold):
            _log.warning("stopping with records unwritten; they come again", records=len(self._batch.records))
            return False
        batch, self._batch = self._batch, _Batch()
        if batch.records:
            seconds = self._clock() - batch.since
            self._report(Report(len(batch.records), len(batch.events), len(batch.letters), batch.size, seconds))
        return True

    def _finish(self) -> None:
        """One try at what is left to do for the batch; what has been done is not done again."""
        batch = self._batch
        if batch.events and not batch.written:
            self._sink.write([event for _, event in batch.events])
        batch.written = True
        if batch.letters and not batch.mourned:
            self._dead_letters.write(batch.letters)
        batch.mourned = True
        for record in batch.records:
            self._offsets.done(record.place, record.offset)
        if due := self._offsets.due():
            self._source.commit(due)
            self._offsets.committed(due)

    def _drop(self, gone: Collection[TopicPartition]) -> None:
        """Revoked: the new owner begins at what is committed, so these come to it again."""
        self._batch.drop(gone)
        self._arrived = deque(record for record in self._arrived if record.place not in gone)
        self._offsets.forget(gone)
        _log.info("partitions revoked", partitions=[str(place) for place in sorted(gone)])

    def _insist(self, what: str, attempt: Callable[[], None], pause: Callable[[float], None]) -> bool:
        """Tries until it works; false if it failed after a request to stop.

        Args:
            what: The step, for the log.
            attempt: Raises `TransientError` if it should be tried again.
            pause: Waits for so many seconds, or until a request to stop.
        """
        began = self._clock()

        def hopeless(_: RetryCallState) -> bool:
            limit = self._batching.give_up_after_s
            return self._stop.is_set() or (limit is not None and self._clock() - began >= limit)

        def tell(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            _log.warning(f"{what} failed; trying again", attempt=state.attempt_number, error=str(error))

        retrying = Retrying(
            sleep=pause,
            stop=hopeless,
            wait=self._wait,
            retry=retry_if_exception_type(TransientError),
            before_sleep=tell,
            reraise=True,
        )
        try:
            retrying(attempt)
        except TransientError as error:
            if self._stop.is_set():
                _log.warning(f"{what} failed while stopping", error=str(error))
                return False
            tried = self._clock() - began
            raise GaveUp(f"{what} failed for {tried:.0f} s, which is batch.give_up_after_s: {error}") from error
        return True

    def _idle(self, seconds: float) -> None:
        self._stop.wait(seconds)

    def _hold(self, seconds: float) -> None:
        """Waits as a member of the group: one that does not poll is counted out, and its share moves for nothing."""
        until = self._clock() + seconds
        while not self._stop.is_set() and (left := until - self._clock()) > 0:
            try:
                self._source.heartbeat(min(left, IDLE_S))
            except TransientError as error:
                _log.warning("heartbeat failed", error=str(error))
                self._stop.wait(min(left, IDLE_S))

    def _leave(self) -> None:
        try:
            self._source.close()
        except TransientError as error:
            # The group counts the member out when its session ends; nothing is lost by it.
            _log.warning("leaving the group failed", error=str(error))
