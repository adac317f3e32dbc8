"""Processes that write the events of one ingest to one graph at the same time, each those of its own jobs.

Python computes in one thread at a time, so further cores are of use to further processes alone. All events of a job go
to one process, in the order of the input: so what is recorded of a job's changes is as one process would record it, and
two processes rarely change the same documents. Where they do, as with a table that one job writes and another one
reads, they are two writers of one graph, as two consumers are.
"""

from __future__ import annotations

import os
import signal
import threading
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import get_context, parent_process
from typing import Final, NamedTuple

import msgspec

from consumer.config.settings import BatchSettings
from consumer.errors import HeadwaterError
from consumer.ingest.document_writer import Document, DocumentWriter, IngestCounts, Rejection
from consumer.processing.sink import Sink
from consumer.runtime import tune_gc

AHEAD: Final = 2
"""Maximum number of batches that a process has: the one that it writes, and the next one."""

OpenSink = Callable[[], Sink]
"""Opens the graph in a process; it is sent there, so it can be pickled."""


class _Name(msgspec.Struct, frozen=True, gc=False):
    namespace: str = ""
    name: str = ""


class _Owner(msgspec.Struct, frozen=True, gc=False):
    """The job of a run or a declaration, or the dataset of a declaration."""

    job: _Name | None = None
    dataset: _Name | None = None


_owner_of = msgspec.json.Decoder(_Owner).decode


class Written(NamedTuple):
    """The result of a batch.

    Attributes:
        counts: Counts of its documents.
        rejections: Its documents that are no events.
    """

    counts: IngestCounts
    rejections: list[Rejection]


class _Process:
    """One process, its batches that are not written yet, and the documents of the next one."""

    def __init__(self, open_sink: OpenSink, batching: BatchSettings) -> None:
        # A spawned process inherits no open graph and no lock of a thread, as a forked one would.
        context = get_context("spawn")
        self._pool = ProcessPoolExecutor(1, context, initializer=_prepare)
        self._opened = self._pool.submit(_open, open_sink, batching)
        self._sent: deque[Future[Written]] = deque()
        self._documents: list[Document] = []
        self._size = 0
        self._batching = batching

    @property
    def is_ready(self) -> bool:
        """True once it has opened the graph, or failed to."""
        return self._opened.done()

    def add(self, document: Document) -> list[Written]:
        """Takes a document; returns what was written while there was no room for the batch that it fills."""
        self._documents.append(document)
        self._size += len(document.data)
        limits = self._batching
        is_full = self._size >= limits.max_bytes or len(self._documents) >= limits.max_records
        return self._send() if is_full else []

    def flush(self) -> list[Written]:
        """Hands over the documents that fill no batch; returns what `add` returns."""
        return self._send() if self._documents else []

    def results(self) -> list[Written]:
        """Returns the results of all batches that were handed over, once they are written."""
        found = [one.result() for one in self._sent]
        self._sent.clear()
        return found

    def _send(self) -> list[Written]:
        documents, self._documents, self._size = self._documents, [], 0
        self._opened.result()
        found = [self._sent.popleft().result()] if len(self._sent) >= AHEAD else []
        self._sent.append(self._pool.submit(_write, documents))
        return found

    def close(self) -> None:
        """Ends the process; one that has still something to write is killed, as its result is of no use."""
        if self._sent and self._opened.done() and self._opened.exception() is None:
            with suppress(ProcessLookupError):
                os.kill(self._opened.result(), signal.SIGTERM)
        self._pool.shutdown(cancel_futures=True)


class WriterProcesses:
    """Writes documents in several processes.

    Args:
        count: Number of processes.
        open_sink: Opens the graph.
        batching: Size limits and retry policy of batches.
        on_rejected: Receives each document that is no event, in the order of its job's events.
    """

    def __init__(
        self,
        count: int,
        open_sink: OpenSink,
        batching: BatchSettings,
        on_rejected: Callable[[Rejection], None],
    ) -> None:
        self._count = count
        self._open_sink = open_sink
        self._batching = batching
        self._on_rejected = on_rejected
        self._counts = IngestCounts()
        self._processes: list[_Process] = []

    def start(self) -> None:
        """Starts the processes, which takes them as long as some batches do; does not wait for them."""
        if not self._processes:
            self._processes = [_Process(self._open_sink, self._batching) for _ in range(self._count)]

    @property
    def is_ready(self) -> bool:
        """True once all processes take documents without delay."""
        return bool(self._processes) and all(process.is_ready for process in self._processes)

    def add(self, document: Document) -> None:
        """Takes a document, and waits where its process has enough to do.

        Raises:
            HeadwaterError: A batch before it could not be written.
        """
        self._collect(self._processes[place_of(document.data) % self._count].add, document)

    def flush(self) -> None:
        """Hands over the documents that fill no batch.

        Raises:
            HeadwaterError: A batch before them could not be written.
        """
        for process in self._processes:
            self._collect(process.flush)

    def finish(self) -> IngestCounts:
        """Waits until everything is written; returns the counts.

        Raises:
            HeadwaterError: A batch could not be written.
        """
        self.flush()
        for process in self._processes:
            self._collect(process.results)
        return self._counts

    def close(self) -> None:
        """Ends the processes; after an error or an interrupt, they do not write what they have."""
        for process in self._processes:
            process.close()

    def _collect(self, call: Callable[..., Sequence[Written]], *arguments: Document) -> None:
        try:
            written = call(*arguments)
        except BrokenProcessPool as error:
            raise HeadwaterError(
                "a process that writes to the graph was killed, as happens where memory is short: run the command again"
                " with fewer --processes; no event counts twice"
            ) from error
        for counts, rejections in written:
            self._counts.add(counts)
            for rejection in rejections:
                self._on_rejected(rejection)


def place_of(data: bytes) -> int:
    """Returns a number that is the same for all documents that are about one job, or about one dataset and no job."""
    try:
        owner = _owner_of(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 0  # no event, or an unusual one: whichever process has it
    found = owner.job or owner.dataset or _Name()
    return zlib.crc32(f"{found.namespace}\0{found.name}".encode("utf-8", "surrogatepass"))


class _Worker:
    """The state of a process that writes, from batch to batch.

    Args:
        open_sink: Opens the graph.
        batching: Size limits and retry policy of batches.
    """

    def __init__(self, open_sink: OpenSink, batching: BatchSettings) -> None:
        self._sink = open_sink()
        self._batching = batching

    def write(self, documents: Sequence[Document]) -> Written:
        """Writes documents."""
        rejections: list[Rejection] = []
        writer = DocumentWriter(self._sink, self._batching, rejections.append)
        for document in documents:
            writer.add(document)
        writer.flush()
        return Written(writer.counts, rejections)


_workers: Final[list[_Worker]] = []
"""The worker of a process that writes; empty in any other one."""


def _prepare() -> None:
    """Prepares a process that writes."""
    # A terminal sends its interrupt to all processes; the one that reads the inputs decides what is still written.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    tune_gc()


def _end_with_parent() -> None:
    """Ends this process when the one that reads the inputs is gone, as after a SIGKILL."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # an ingest that is run again completes what was not written


def _open(open_sink: OpenSink, batching: BatchSettings) -> int:
    """Opens the graph; returns the process's id."""
    # Not in `_prepare`, whose errors would not reach the process that reads the inputs.
    _workers.append(_Worker(open_sink, batching))
    return os.getpid()


def _write(documents: Sequence[Document]) -> Written:
    return _workers[0].write(documents)
