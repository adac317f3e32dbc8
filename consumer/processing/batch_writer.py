"""The way of one batch into the sink: tried until it works, in ever smaller portions, with what is refused set apart.

It runs on a thread of its own, so that reading and decoding go on meanwhile and the group keeps its member. Several may
be on their way at once.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final

import structlog

from consumer.errors import RefusedWrite, TransientError
from consumer.processing.batch import Batch
from consumer.processing.dead_letter import DeadLetter, DeadLetters
from consumer.processing.dead_letter_limit import Flood
from consumer.processing.record import Record, TopicPartition
from consumer.processing.retry import Insistence
from consumer.processing.sink import Sink
from schemas.events import Event, RunEvent

TRIES_ALONE: Final = 3
"""How often one event alone has to be refused until it counts as the culprit."""

_log = structlog.get_logger(__name__)

Pairs = Sequence[tuple[Record, Event]]


class Flights:
    """Brings batches into a sink; for several threads at once if the sink is.

    Args:
        sink: Where events go.
        dead_letters: Where records go that can't be folded.
        flood: The limit on these.
        insist: Tries again what fails.
    """

    def __init__(self, sink: Sink, dead_letters: DeadLetters, flood: Flood, insist: Insistence) -> None:
        self._sink = sink
        self._dead_letters = dead_letters
        self._flood = flood
        self._insist = insist
        self._counting = threading.Lock()
        self._rejecting = threading.Lock()

    def fly(self, batch: Batch) -> list[DeadLetter] | None:
        """Makes a batch durable.

        Returns:
            All of its dead letters, which are kept; None if it was not brought to an end before a request to stop.

        Raises:
            GaveUp: Something failed for longer than `batch.give_up_after_s`.
            Flooded: Too much is rejected.
        """
        writing = _Writing(self._sink, batch.events)
        if not self._insist("writing", writing.attempt):
            return None
        letters = [*batch.letters, *writing.refused.values()]
        with self._counting:
            self._flood.admit(len(batch.records), letters)
        if letters:
            with self._rejecting:
                if not self._insist("writing dead letters", lambda: self._dead_letters.write(letters)):
                    return None
        return letters


class _Writing:
    """What is left to write of a batch.

    Attributes:
        refused: What the sink refuses for good, by place and offset.
    """

    def __init__(self, sink: Sink, events: Pairs) -> None:
        self.refused: dict[tuple[TopicPartition, int], DeadLetter] = {}
        self._sink = sink
        self._waiting: list[Pairs] = [events] if events else []

    def attempt(self) -> None:
        """Writes what is left, portion by portion.

        Raises:
            TransientError: The sink can't take a portion now. The next attempt halves those that are left: if it is
                their size that it can't take, that mends it.
        """
        while self._waiting:
            try:
                self._write(self._waiting[0])
            except TransientError:
                self._waiting = [half for portion in self._waiting for half in _halves(portion)]
                raise
            del self._waiting[0]

    def _write(self, portion: Pairs) -> None:
        """Writes a portion; what the sink refuses is found by halving."""
        if self.refused:
            portion = [pair for pair in portion if (pair[0].place, pair[0].offset) not in self.refused]
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
        for _ in range(TRIES_ALONE - 1):
            try:
                self._sink.write([event])
            except RefusedWrite as again:
                error = again
            else:
                return
        self.refused[record.place, record.offset] = DeadLetter(record, str(error))
        run = event.run.run_id if isinstance(event, RunEvent) else None
        _log.warning("record rejected", record=str(record), run=run, path="$", reason=str(error))


def _halves(portion: Pairs) -> list[Pairs]:
    if len(portion) < 2:  # noqa: PLR2004 - what can be halved
        return [portion]
    middle = len(portion) // 2
    return [portion[:middle], portion[middle:]]
