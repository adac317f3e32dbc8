"""The ingest pipeline: reads documents from inputs and has their events written, without Kafka."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from consumer.ingest.document_writer import Document, DocumentWriter, IngestCounts, Rejection
from consumer.ingest.inputs import Advance, BeforeRead, Input, IsReady, UnreadableError
from consumer.ingest.json_splitter import RawDocument, split_documents
from consumer.ingest.writer_processes import WriterProcesses

ALONE_S: Final = 5.0
"""Seconds of an ingest after which writer processes are started: to start them takes as long as a thousand events."""


class Pipeline:
    """Has the events of inputs written.

    Args:
        writer: Writes documents in this process.
        processes: Processes that write to the same graph, in an ingest that takes long; None to write all in this one.
        clock: Monotonic clock in seconds.
    """

    def __init__(
        self,
        writer: DocumentWriter,
        processes: WriterProcesses | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._writer = writer
        self._processes = processes
        self._clock = clock
        self._unwritten_since: float | None = None
        self._is_alone = True
        self._alone_until = clock() + ALONE_S

    def run(self, inputs: Iterable[Input], advance: Advance = lambda _: None) -> IngestCounts:
        """Ingests all inputs; returns once everything is written.

        Raises:
            HeadwaterError: An input can't be read, or a process ended without writing its events.
            RetriesExhausted: Writing a batch failed until the retry policy's deadline.
        """
        for source in inputs:
            self._read(source, advance)
        self._writer.flush()
        counts = self._writer.counts
        if self._processes is not None:
            counts.add(self._processes.finish())
        return counts

    def _read(self, source: Input, advance: Advance) -> None:
        line = 1
        try:
            for raw in _documents(source, advance, self._write_what_is_old):
                line = raw.line
                self._add(Document.of(source.name, raw))
        except UnreadableError as error:
            # Reported like a rejected event: earlier events and the other inputs are folded all the same.
            self._writer.reject(Rejection(source.name, line, "$", str(error), b""))

    def _write_what_is_old(self, is_ready: IsReady) -> None:
        """Before a read that may wait for long: what came before it does not wait with it."""
        if self._unwritten_since is None:
            return
        left_s = self._unwritten_since + self._writer.max_age_s - self._clock()
        if not is_ready(max(0.0, left_s)):
            self._flush()

    def _flush(self) -> None:
        self._unwritten_since = None
        self._writer.flush()
        if self._processes is not None:
            self._processes.flush()

    def _add(self, document: Document) -> None:
        if self._unwritten_since is None:
            self._unwritten_since = self._clock()
        if self._processes is not None and self._is_alone and self._clock() >= self._alone_until:
            self._processes.start()
            if self._processes.is_ready:
                # Before later events of the same jobs.
                self._writer.flush()
                self._is_alone = False
        if self._processes is None or self._is_alone:
            self._writer.add(document)
        else:
            self._processes.add(document)


def _documents(source: Input, advance: Advance, before_read: BeforeRead) -> Iterator[RawDocument]:
    """Yields the documents of an input, lazily, so that the input's error handler does not see errors of the sink.

    It sees those of `before_read`, and passes them on, as they are this project's own.
    """
    with source.open(advance, before_read) as stream:
        yield from split_documents(stream)
