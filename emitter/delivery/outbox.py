"""The outbox: records wait here until they are sent, on disk as long as the disk accepts them, else in memory."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from emitter.config.transport_config import KafkaConfig
from emitter.dbt.node_names import node_in
from emitter.errors import SpoolError
from emitter.record import Record
from emitter.send_batch import SendBatch, fill

if TYPE_CHECKING:  # needs a Unix, without which events wait in memory
    from emitter.spool.queue import Queue
    from emitter.spool.spool_writer import SpoolWriter


class Counts(NamedTuple):
    """Counts of records by outcome. `earlier` records were emitted by other processes and sent by this one."""

    sent: int = 0
    waiting: int = 0
    quarantined: int = 0
    lost: int = 0
    earlier: int = 0


class Spool(NamedTuple):
    """The two sides of the spool: the writer of this process, and the queue that one process at a time sends from."""

    writer: "SpoolWriter"
    queue: "Queue"


def open_spool(config: KafkaConfig) -> Spool:
    """Opens the spool's queue for the settings' topic.

    Raises:
        OSError: The spool's folder can't be created.
        SpoolError: This system has no file locks.
    """
    try:
        from emitter.spool.layout import Destination, open_queue, spool_folder  # noqa: PLC0415
        from emitter.spool.queue import Queue  # noqa: PLC0415
        from emitter.spool.spool_writer import SpoolWriter  # noqa: PLC0415 # needs a Unix
    except ImportError as error:
        raise SpoolError(f"the spool needs a Unix: {error}") from error
    root = spool_folder(config.spool_dir)
    folder = open_queue(root, Destination(config.where, config.topic))
    return Spool(SpoolWriter(root, folder, config.spool_max_bytes), Queue(folder, config.topic))


class Outbox:
    """Keeps the records of this process and returns them in order, after those that other processes left on disk.

    Args:
        memory_bytes: The bytes of records that may wait in memory when the disk doesn't accept them.
        open_spool: Opens the spool, with the first record; raises SpoolError or OSError. None: memory only.
        warn: Called once, with the reason, when the disk doesn't accept records.
    """

    def __init__(
        self,
        *,
        memory_bytes: int,
        open_spool: Callable[[], Spool] | None = None,
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._open_spool = open_spool
        self._warn = warn
        self._lock = threading.Lock()
        self._spool: Spool | None = None
        self._memory: deque[Record] = deque()
        self._memory_left = memory_bytes
        self._memory_limit = memory_bytes
        # Of records in memory alone: segments hold the counts of their own records.
        self._sent = self._earlier = 0
        # The dbt node of each lost record.
        self._lost: list[str] = []
        self._is_exclusive = False
        self._spool_error: str | None = None

    def append(self, record: Record) -> None:
        """Appends a record. Once a record is in memory, all later ones are too, which keeps the order.

        Raises:
            SpoolError: The record fits neither on disk nor in memory.
        """
        with self._lock:
            if not self._on_disk(record):
                self._in_memory(record)

    def counts(self) -> Counts:
        """Returns the counts of this process's records."""
        with self._lock:
            appended, sent, quarantined = self._spool.writer.progress() if self._spool else (0, 0, 0)
            waiting = appended - sent - quarantined + len(self._memory)
            return Counts(self._sent + sent, waiting, quarantined, len(self._lost), self._earlier)

    def lost_nodes(self) -> tuple[str, ...]:
        """Returns the names of the nodes of lost records."""
        with self._lock:
            return tuple(dict.fromkeys(self._lost))

    def in_memory(self) -> int:
        """Returns the number of records in memory, which would be lost with this process."""
        with self._lock:
            return len(self._memory)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Holds the lock for sending from disk, unless another process has it."""
        with ExitStack() as held:
            if self._spool is not None:
                with self._tolerate_read_errors():
                    self._is_exclusive = held.enter_context(self._spool.queue.exclusive())
            held.callback(self._release)
            yield

    def _release(self) -> None:
        self._is_exclusive = False

    def next_batch(self) -> SendBatch | None:
        """Returns the next records to send; None if there are none that this process may send now."""
        if self._spool is not None and self._is_exclusive:
            with self._tolerate_read_errors():
                if batch := self._spool.queue.next_batch():
                    return batch
        with self._lock:
            if not self._memory or (not self._spool_error and self._waiting_on_disk()):
                return None
            return SendBatch(tuple(fill(self._memory, lambda record: record.size)))

    def advance(self, batch: SendBatch, sent: int, quarantined: int) -> None:
        """Marks the first `sent + quarantined` records of a batch as done.

        Raises:
            SpoolError: The progress can't be written to disk.
        """
        if self._spool is None or batch.path is None:
            with self._lock:
                self._sent += sent
                self._memory_left += sum(self._memory.popleft().size for _ in range(sent + quarantined))
            return
        try:
            self._spool.queue.advance(batch, sent, quarantined)
        except OSError as error:
            # Without progress on disk, the same records would be sent again and again.
            raise SpoolError(f"the spool {batch.path} can't be written: {error.strerror or error}") from error
        if not self._spool.writer.owns(batch.path):
            self._earlier += sent

    def quarantine(self, record: Record, reason: str) -> None:
        """Keeps a record that can never be sent, with the reason, on disk; without a spool the record is lost."""
        if self._spool is None:
            self._lose(record)
            return
        try:
            self._spool.queue.quarantine(record, reason)
        except OSError:
            self._lose(record)

    def record_error(self, reason: str | None) -> None:
        """Keeps the reason why nothing could be sent, for `spool status`; None clears it."""
        if self._spool is not None:
            self._spool.queue.record_error(reason)

    def close(self) -> None:
        """Moves records from memory to disk, where the disk accepts them, counts the others as lost, closes files."""
        with self._lock:
            with suppress(SpoolError):  # records that it does not accept are counted next
                while self._spool and self._memory:
                    self._spool.writer.append(self._memory[0])
                    self._memory.popleft()
            self._lost += [node_in(record.value) for record in self._memory]
            self._memory.clear()
            if self._spool:
                self._spool.writer.close()

    def leave_to_parent(self) -> None:
        """Closes the parent's files in a forked process.

        No lock is acquired: the thread that held it at the fork does not exist here.
        """
        if self._spool:
            self._spool.writer.leave_to_parent()

    def _on_disk(self, record: Record) -> bool:
        if self._open_spool is None:
            return False
        try:
            spool = self._spool or self._open_spool()
            spool.writer.append(record)
        except (SpoolError, OSError) as error:
            self._open_spool = None
            self._warn(str(error))
            return False
        self._spool = spool
        return True

    def _in_memory(self, record: Record) -> None:
        if record.size > self._memory_left:
            self._lose(record)
            raise SpoolError(f"the {self._memory_limit} bytes of `queue_limit` were full")
        self._memory_left -= record.size
        self._memory.append(record)

    def _lose(self, record: Record) -> None:
        self._lost.append(node_in(record.value))

    def _waiting_on_disk(self) -> int:
        appended, sent, quarantined = self._spool.writer.progress() if self._spool else (0, 0, 0)
        return appended - sent - quarantined

    @contextmanager
    def _tolerate_read_errors(self) -> Iterator[None]:
        """Continues without a disk that can't be read: its records wait, and those in memory are sent before them."""
        try:
            yield
        except OSError as error:
            self._spool_error = f"the spool can't be read: {error}"
            self._is_exclusive = False
