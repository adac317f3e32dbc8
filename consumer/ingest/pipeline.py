"""The ingest pipeline: decodes events of inputs, batches them and writes them to a sink, without Kafka."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from consumer.config.settings import BatchSettings
from consumer.errors import RetriesExhausted, TransientError
from consumer.ingest.inputs import Advance, Input, UnreadableError
from consumer.ingest.json_splitter import TOO_LONG, RawDocument, split_documents
from consumer.processing.sink import Sink
from consumer.retry import jittered, retrying
from schemas.errors import RejectedEvent
from schemas.events import Event, RunEvent
from schemas.lazy_decode import decode_lazily, held_bytes
from schemas.limits import PARSED_FACTOR

KEPT_BYTES = 64 * 1024
"""Number of bytes that are kept of a document that is too long for an event."""

GIVE_UP_AFTER_S = 60.0
"""Default time in seconds for which a command retries one batch; the service retries without limit."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A document that can't be folded.

    Attributes:
        file: Name of the input.
        line: Line number of the document's beginning, from 1.
        path: JSON path of the fault in the document; `$` is the document.
        reason: Description of the fault.
        value: Bytes of the document; the first `KEPT_BYTES` if it is too long for an event.
    """

    file: str
    line: int
    path: str
    reason: str
    value: bytes

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.path}: {self.reason}"


@dataclass(slots=True)
class IngestCounts:
    """Counts of one ingest.

    Attributes:
        events: Number of folded events.
        runs: Hashes of the run ids, which take eight bytes each rather than forty.
        rejected: Number of rejected documents.
    """

    events: int = 0
    runs: set[int] = field(default_factory=set)
    rejected: int = 0


class Pipeline:
    """Writes the events of inputs to a sink, batch by batch.

    Args:
        sink: Sink of the events.
        batching: Size limits and retry policy of batches.
        on_rejected: Receives each rejected document.
        sleep: Waits between attempts; takes seconds.
    """

    def __init__(
        self,
        sink: Sink,
        batching: BatchSettings,
        on_rejected: Callable[[Rejection], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.counts = IngestCounts()
        self._sink = sink
        self._batching = batching
        self._on_rejected = on_rejected
        self._sleep = sleep
        self._events: list[Event] = []
        self._size = self._weight = 0

    def run(self, inputs: Iterable[Input], advance: Advance = lambda _: None) -> IngestCounts:
        """Ingests all inputs; returns once everything is written.

        Raises:
            HeadwaterError: An input can't be read.
            RetriesExhausted: Writing a batch failed until the retry policy's deadline.
        """
        for source in inputs:
            self._read(source, advance)
        self._flush()
        return self.counts

    def _read(self, source: Input, advance: Advance) -> None:
        line = 1
        try:
            for line, data, fault in _documents(source, advance):
                self._add(source.name, line, data, fault)
        except UnreadableError as error:
            # Reported like a rejected event: earlier events and the other inputs are folded all the same.
            self._reject(Rejection(source.name, line, "$", str(error), b""))

    def _add(self, name: str, line: int, data: bytes, fault: str) -> None:
        try:
            event = _decode(data, fault)
        except RejectedEvent as error:
            # A document that is too long can't be corrected and ingested again, so its beginning is enough.
            kept = data[:KEPT_BYTES] if fault == TOO_LONG else data
            self._reject(Rejection(name, line, error.path, error.reason, kept))
            return
        self._events.append(event)
        self._size += len(data)
        self._weight += held_bytes(event, data)
        self.counts.events += 1
        if isinstance(event, RunEvent):
            self.counts.runs.add(hash(event.run.run_id))
        if self._is_full():
            self._flush()

    def _is_full(self) -> bool:
        limits = self._batching
        is_large = self._size >= limits.max_bytes or self._weight >= PARSED_FACTOR * limits.max_bytes
        return is_large or len(self._events) >= limits.max_records

    def _reject(self, rejection: Rejection) -> None:
        self.counts.rejected += 1
        self._on_rejected(rejection)

    def _flush(self) -> None:
        events, self._events = self._events, []
        self._size = self._weight = 0
        if not events:
            return
        write_with_retry(lambda: self._sink.write(events), self._batching, self._sleep)


def write_with_retry(
    write: Callable[[], None], batching: BatchSettings, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Writes a batch, and retries transient failures for as long as the settings allow.

    Raises:
        RetriesExhausted: Writing failed until the deadline.
    """
    timeout_s = batching.give_up_after_s or GIVE_UP_AFTER_S
    backoff = jittered(batching.retry_first_s, batching.retry_max_s)
    try:
        retrying(TransientError, backoff, max_elapsed_s=timeout_s, sleep=sleep)(write)
    except TransientError as error:
        raise RetriesExhausted(
            f"gave up writing after {timeout_s:.0f} s: {error}; run the command again, no event counts twice"
        ) from error


def _decode(data: bytes, fault: str) -> Event:
    if fault:
        raise RejectedEvent("$", fault)
    return decode_lazily(data)


def _documents(source: Input, advance: Advance) -> Iterator[RawDocument]:
    """Yields the documents of an input, lazily, so that the input's error handler does not see errors of the sink."""
    with source.open(advance) as stream:
        yield from split_documents(stream)
