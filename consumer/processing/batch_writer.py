"""The writer of batches: retries transient failures in smaller portions, and isolates the events that a sink rejects.

It runs on its own threads, so that the processor polls and decodes meanwhile and stays a member of the group. Several
batches may be in flight.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import chain
from typing import Final

import structlog

from consumer.errors import RefusedWrite, TransientError
from consumer.processing.batch import Batch
from consumer.processing.dead_letter import DeadLetter, DeadLetters
from consumer.processing.dead_letter_limit import DeadLetterLimit
from consumer.processing.record import Record, TopicPartition
from consumer.processing.sink import Sink
from consumer.processing.step_retrier import Retrier
from schemas.events import Event, RunEvent

MAX_SINGLE_ATTEMPTS: Final = 3
"""Attempts to write one event alone, after which it is rejected."""

_log = structlog.get_logger(__name__)

Pairs = Sequence[tuple[Record, Event]]


class BatchWriter:
    """Writes batches to a sink; for several threads at once if the sink is.

    Args:
        sink: Receiver of events.
        dead_letters: Receiver of records that can't be folded.
        limit: The limit on dead letters.
        retry: Retries transient failures.
    """

    def __init__(self, sink: Sink, dead_letters: DeadLetters, limit: DeadLetterLimit, retry: Retrier) -> None:
        self._sink = sink
        self._dead_letters = dead_letters
        self._limit = limit
        self._retry = retry
        self._counting = threading.Lock()
        self._rejecting = threading.Lock()

    def write(self, batch: Batch) -> list[DeadLetter] | None:
        """Makes a batch durable.

        Returns:
            All dead letters of the batch, which are durable, too; None if a request to stop ended the retries.

        Raises:
            RetriesExhausted: A step failed for longer than `batch.give_up_after_s`.
            DeadLetterLimitExceeded: Too many records are rejected.
        """
        pending = _PendingWrites(self._sink, batch.events)
        if not self._retry("writing", pending.attempt):
            return None
        letters = [*batch.letters, *pending.rejected.values()]
        with self._counting:
            self._limit.admit(len(batch.records), letters)
        if letters:
            with self._rejecting:
                if not self._retry("writing dead letters", lambda: self._dead_letters.write(letters)):
                    return None
        return letters


class _PendingWrites:
    """The portions of a batch that are not written yet.

    Attributes:
        rejected: Dead letters of the events that the sink rejects permanently, by partition and offset.
    """

    def __init__(self, sink: Sink, events: Pairs) -> None:
        self.rejected: dict[tuple[TopicPartition, int], DeadLetter] = {}
        self._sink = sink
        self._waiting: list[Pairs] = [events] if events else []

    def attempt(self) -> None:
        """Writes the remaining portions.

        Raises:
            TransientError: The sink can't take a portion now. The next attempt halves the remaining portions, in case
                their size is the cause.
        """
        while self._waiting:
            try:
                self._write(self._waiting[0])
            except TransientError:
                self._waiting = list(chain.from_iterable(map(_halves, self._waiting)))
                raise
            del self._waiting[0]

    def _write(self, portion: Pairs) -> None:
        """Writes a portion; bisects it to isolate the events that the sink rejects."""
        if self.rejected:
            portion = [pair for pair in portion if (pair[0].topic_partition, pair[0].offset) not in self.rejected]
            if not portion:
                return
        try:
            self._sink.write([event for _, event in portion])
        except RefusedWrite as error:
            if len(portion) > 1:
                for half in _halves(portion):
                    self._write(half)
            else:
                self._write_alone(portion[0], error)

    def _write_alone(self, pair: tuple[Record, Event], error: RefusedWrite) -> None:
        record, event = pair
        for _ in range(MAX_SINGLE_ATTEMPTS - 1):
            try:
                self._sink.write([event])
            except RefusedWrite as again:
                error = again
            else:
                return
        self.rejected[record.topic_partition, record.offset] = DeadLetter(record, str(error))
        run = event.run.run_id if isinstance(event, RunEvent) else None
        _log.warning("record rejected", record=str(record), run=run, path="$", reason=str(error))


def _halves(portion: Pairs) -> list[Pairs]:
    if len(portion) < 2:  # noqa: PLR2004 -- one event can't be halved
        return [portion]
    middle = len(portion) // 2
    return [portion[:middle], portion[middle:]]
