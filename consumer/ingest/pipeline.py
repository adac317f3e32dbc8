"""Events from files to a sink: decode, gather into batches, write; what `consume` does, without Kafka's part of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from consumer.config.settings import BatchSettings
from consumer.errors import GaveUp, TransientError
from consumer.ingest.inputs import Advance, Input, UnreadableError
from consumer.ingest.json_splitter import TOO_LONG, Piece, pieces
from consumer.processing.sink import Sink
from schemas.errors import RejectedEvent
from schemas.events import Event, RunEvent
from schemas.lazy_decode import decode_lazily, held_bytes
from schemas.limits import PARSED_FACTOR

KEPT_BYTES = 64 * 1024
"""How many bytes are kept of a document that is longer than an event may be."""

GIVE_UP_AFTER_S = 60.0
"""How long a command tries to write one batch, where the settings don't say; the service tries for ever."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """What can't be folded.

    Attributes:
        file: The input's name.
        line: Where it begins there, from 1.
        path: Where in the document, as a JSON path; `$` is all of it.
        reason: Why, in words.
        value: Its bytes; the first `KEPT_BYTES` if it is longer than an event may be.
    """

    file: str
    line: int
    path: str
    reason: str
    value: bytes

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.path}: {self.reason}"


@dataclass(slots=True)
class Tally:
    """What became of the inputs.

    Attributes:
        events: How many were folded.
        runs: Hashes of their runs' ids; eight bytes each rather than forty.
        rejected: How many documents were no events.
    """

    events: int = 0
    runs: set[int] = field(default_factory=set)
    rejected: int = 0


class Pipeline:
    """Writes the events of inputs to a sink, batch by batch.

    Args:
        sink: Where they go.
        batching: How much is written at once, and how long it is tried.
        on_rejected: Told of each document that is no event.
        sleep: Waits for so many seconds between two tries.
    """

    def __init__(
        self,
        sink: Sink,
        batching: BatchSettings,
        on_rejected: Callable[[Rejection], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.tally = Tally()
        self._sink = sink
        self._batching = batching
        self._on_rejected = on_rejected
        self._sleep = sleep
        self._events: list[Event] = []
        self._size = self._weight = 0

    def run(self, inputs: Iterable[Input], advance: Advance = lambda _: None) -> Tally:
        """Reads all of the inputs; returns once everything is written.

        Raises:
            HeadwaterError: An input can't be read.
            GaveUp: The sink could not take a batch for too long.
        """
        for source in inputs:
            self._read(source, advance)
        self._flush()
        return self.tally

    def _read(self, source: Input, advance: Advance) -> None:
        line = 1
        try:
            for line, data, fault in _pieces(source, advance):
                self._add(source.name, line, data, fault)
        except UnreadableError as error:
            # It is said like a bad event: what came before it counts, and so do the other inputs.
            self._reject(Rejection(source.name, line, "$", str(error), b""))

    def _add(self, name: str, line: int, data: bytes, fault: str) -> None:
        try:
            event = _event(data, fault)
        except RejectedEvent as error:
            # What is too long can't be ingested again, however it is corrected.
            kept = data[:KEPT_BYTES] if fault == TOO_LONG else data
            self._reject(Rejection(name, line, error.path, error.reason, kept))
            return
        self._events.append(event)
        self._size += len(data)
        self._weight += held_bytes(event, data)
        self.tally.events += 1
        if isinstance(event, RunEvent):
            self.tally.runs.add(hash(event.run.run_id))
        if self._is_full():
            self._flush()

    def _is_full(self) -> bool:
        limits = self._batching
        is_large = self._size >= limits.max_bytes or self._weight >= PARSED_FACTOR * limits.max_bytes
        return is_large or len(self._events) >= limits.max_records

    def _reject(self, rejection: Rejection) -> None:
        self.tally.rejected += 1
        self._on_rejected(rejection)

    def _flush(self) -> None:
        events, self._events = self._events, []
        self._size = self._weight = 0
        if not events:
            return
        patiently(lambda: self._sink.write(events), self._batching, self._sleep)


def patiently(write: Callable[[], None], batching: BatchSettings, sleep: Callable[[float], None] = time.sleep) -> None:
    """Writes; what can't be written now is tried again, for as long as the settings allow.

    Raises:
        GaveUp: That was not long enough.
    """
    patience = batching.give_up_after_s or GIVE_UP_AFTER_S
    retrying = Retrying(
        sleep=sleep,
        stop=stop_after_delay(patience),
        wait=wait_random_exponential(multiplier=batching.retry_first_s, max=batching.retry_max_s),
        retry=retry_if_exception_type(TransientError),
        reraise=True,
    )
    try:
        retrying(write)
    except TransientError as error:
        raise GaveUp(
            f"writing failed for {patience:.0f} s: {error}; run the command again, nothing counts twice"
        ) from error


def _event(data: bytes, fault: str) -> Event:
    if fault:
        raise RejectedEvent("$", fault)
    return decode_lazily(data)


def _pieces(source: Input, advance: Advance) -> Iterator[Piece]:
    """As a generator, so that what goes wrong while writing is not taken for a fault of the input."""
    with source.open(advance) as stream:
        yield from pieces(stream)
