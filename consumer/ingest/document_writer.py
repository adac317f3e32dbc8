"""Decodes documents to events and writes them to a sink, batch by batch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

import structlog
from tenacity import RetryCallState

from consumer.config.settings import BatchSettings
from consumer.errors import RetriesExhausted, TransientError
from consumer.ingest.json_splitter import TOO_LONG, RawDocument
from consumer.processing.sink import Sink
from consumer.retry import error_of, jittered, retrying
from schemas.errors import RejectedEvent
from schemas.events import Event, RunEvent
from schemas.lazy_decode import decode_lazily, held_bytes
from schemas.limits import PARSED_FACTOR

_log = structlog.get_logger(__name__)

KEPT_BYTES = 64 * 1024
"""Number of bytes that are kept of a document that is too long for an event."""

GIVE_UP_AFTER_S = 60.0
"""Default time in seconds for which a command retries one batch; the service retries without limit."""


class Document(NamedTuple):
    """One document of an input.

    Attributes:
        file: Name of the input.
        line: Line number of the document's beginning, from 1.
        data: Its bytes.
        fault: Reason why the bytes are not a valid document; empty if none is known yet.
    """

    file: str
    line: int
    data: bytes
    fault: str = ""

    @classmethod
    def of(cls, file: str, raw: RawDocument) -> Document:
        """Returns a document that was cut out of an input."""
        return cls(file, *raw)


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
        runs: Hashes of the run ids, which take eight bytes each rather than forty; equal in all processes.
        rejected: Number of rejected documents.
    """

    events: int = 0
    runs: set[int] = field(default_factory=set)
    rejected: int = 0

    def add(self, other: IngestCounts) -> None:
        """Adds the counts of other documents."""
        self.events += other.events
        self.runs |= other.runs
        self.rejected += other.rejected


class DocumentWriter:
    """Writes the events of documents to a sink, in batches.

    Args:
        sink: Sink of the events.
        batching: Size limits and retry policy of batches.
        on_rejected: Receives each document that is no event.
        sleep: Waits between attempts; takes seconds.

    Attributes:
        counts: Counts of the documents so far.
        max_age_s: Seconds that a document waits for others of its batch while an input has nothing to read.
    """

    def __init__(
        self,
        sink: Sink,
        batching: BatchSettings,
        on_rejected: Callable[[Rejection], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.counts = IngestCounts()
        self.max_age_s = batching.max_age_s
        self._sink = sink
        self._batching = batching
        self._on_rejected = on_rejected
        self._sleep = sleep
        self._events: list[Event] = []
        self._size = self._weight = 0

    def add(self, document: Document) -> None:
        """Takes a document, and writes the batch that it fills.

        Raises:
            RetriesExhausted: Writing a batch failed until the retry policy's deadline.
        """
        try:
            event = _decode(document)
        except RejectedEvent as error:
            # A document that is too long can't be corrected and ingested again, so its beginning is enough.
            kept = document.data[:KEPT_BYTES] if document.fault == TOO_LONG else document.data
            self.reject(Rejection(document.file, document.line, error.path, error.reason, kept))
            return
        self._events.append(event)
        self._size += len(document.data)
        self._weight += held_bytes(event, document.data)
        self.counts.events += 1
        if isinstance(event, RunEvent):
            self.counts.runs.add(_hash(event.run.run_id))
        if self._is_full():
            self.flush()

    def reject(self, rejection: Rejection) -> None:
        """Counts and reports a rejection."""
        self.counts.rejected += 1
        self._on_rejected(rejection)

    def flush(self) -> None:
        """Writes what has come together; returns once everything is written.

        Raises:
            RetriesExhausted: Writing failed until the retry policy's deadline.
        """
        events, self._events = self._events, []
        self._size = self._weight = 0
        if not events:
            return
        write_with_retry(lambda: self._sink.write(events), self._batching, self._sleep)

    def _is_full(self) -> bool:
        limits = self._batching
        is_large = self._size >= limits.max_bytes or self._weight >= PARSED_FACTOR * limits.max_bytes
        return is_large or len(self._events) >= limits.max_records


def write_with_retry(
    write: Callable[[], None], batching: BatchSettings, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Writes a batch, and retries transient failures, which are logged, for as long as the settings allow.

    Raises:
        RetriesExhausted: Writing failed until the deadline.
    """
    timeout_s = batching.give_up_after_s or GIVE_UP_AFTER_S
    backoff = jittered(batching.retry_first_s, batching.retry_max_s)
    began = time.monotonic()

    def log_retry(state: RetryCallState) -> None:
        seconds = round(time.monotonic() - began)
        error = str(error_of(state))
        _log.warning("write failed, retrying", attempt=state.attempt_number, seconds=seconds, error=error)

    try:
        retrying(TransientError, backoff, max_elapsed_s=timeout_s, on_retry=log_retry, sleep=sleep)(write)
    except TransientError as error:
        elapsed_s = time.monotonic() - began
        raise RetriesExhausted(
            f"gave up writing after {elapsed_s:.0f} s: {error}; run the command again, no event counts twice"
        ) from error


def _decode(document: Document) -> Event:
    if document.fault:
        raise RejectedEvent("$", document.fault)
    return decode_lazily(document.data)


def _hash(run_id: str) -> int:
    # Not `hash`, which differs from process to process.
    return int.from_bytes(blake2b(run_id.encode(), digest_size=8).digest())
