"""The outbox: where records wait until they are sent, on disk as long as the disk takes them, else in memory."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from emitter.config.transport_config import KafkaConfig
from emitter.dbt.node_names import node_in
from emitter.errors import SpoolError
from emitter.record import Record
from emitter.send_batch import Window, fill

if TYPE_CHECKING:  # needs a Unix, without which events wait in memory
    from emitter.spool.queue import Queue
    from emitter.spool.spool_writer import Journal


class Counts(NamedTuple):
    """What became of records. `earlier` ones were emitted by other processes and sent by this one."""

    sent: int = 0
    waiting: int = 0
    aside: int = 0
    lost: int = 0
    earlier: int = 0


class Disk(NamedTuple):
    """The two sides of the spool: what this process appends to, and what one process at a time sends from."""

    journal: "Journal"
    queue: "Queue"


def open_disk(config: KafkaConfig) -> Disk:
    """Opens the spool's queue for the settings' topic.

    Raises:
        OSError: if the spool's folder can't be made.
        SpoolError: if this system has no file locks.
    """
    try:
        from emitter.spool.layout import Destination, open_queue, spool_folder  # noqa: PLC0415
        from emitter.spool.queue import Queue  # noqa: PLC0415
        from emitter.spool.spool_writer import Journal  # noqa: PLC0415 # needs a Unix
    except ImportError as error:
        raise SpoolError(f"the spool needs a Unix: {error}") from error
    root = spool_folder(config.spool_dir)
    folder = open_queue(root, Destination(config.where, config.topic))
    return Disk(Journal(root, folder, config.spool_max_bytes), Queue(folder, config.topic))


class Outbox:
    """Takes the records of this process and gives them out in order, after what others have left on disk.

    Args:
        memory_bytes: How many bytes of records may wait in memory, when the disk doesn't take them.
        open_disk: Opens the spool, with the first record; SpoolError or OSError if it can't. None: memory only.
        warn: Told once when the disk doesn't take records.
    """

    def __init__(
        self,
        *,
        memory_bytes: int,
        open_disk: Callable[[], Disk] | None = None,
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._open_disk = open_disk
        self._warn = warn
        self._lock = threading.Lock()
        self._disk: Disk | None = None
        self._memory: deque[Record] = deque()
        self._memory_left = memory_bytes
        self._memory_limit = memory_bytes
        # Not for the disk's records: their segments tell, whoever sent them.
        self._sent = self._earlier = 0
        # The nodes that the lost records were about, one entry for each record.
        self._lost: list[str] = []
        self._has_turn = False
        self._disk_trouble: str | None = None

    def append(self, record: Record) -> None:
        """Takes a record. Once memory is used, it is used to the end, which keeps the order.

        Raises:
            SpoolError: if there is no room for it.
        """
        with self._lock:
            if not self._on_disk(record):
                self._in_memory(record)

    def counts(self) -> Counts:
        """What became of the records of this process."""
        with self._lock:
            appended, sent, aside = self._disk.journal.progress() if self._disk else (0, 0, 0)
            waiting = appended - sent - aside + len(self._memory)
            return Counts(self._sent + sent, waiting, aside, len(self._lost), self._earlier)

    def lost_nodes(self) -> tuple[str, ...]:
        """The names of the nodes that the lost records were about."""
        with self._lock:
            return tuple(dict.fromkeys(self._lost))

    def in_memory(self) -> int:
        """How many records wait in memory, where the end of this process would be their end."""
        with self._lock:
            return len(self._memory)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Holds the right to send what is on disk, if no other process has it."""
        with ExitStack() as held:
            if self._disk is not None:
                with self._mended():
                    self._has_turn = held.enter_context(self._disk.queue.turn())
            held.callback(self._end_turn)
            yield

    def _end_turn(self) -> None:
        self._has_turn = False

    def window(self) -> Window | None:
        """The next records to send; None if there is nothing that this process may send now."""
        if self._disk is not None and self._has_turn:
            with self._mended():
                if window := self._disk.queue.window():
                    return window
        with self._lock:
            if not self._memory or (not self._disk_trouble and self._waiting_on_disk()):
                return None
            return Window(tuple(fill(self._memory, lambda record: record.size)))

    def advance(self, window: Window, sent: int, aside: int) -> None:
        """Settles the first `sent + aside` records of a window.

        Raises:
            SpoolError: if that can't be noted on disk.
        """
        if self._disk is None or window.path is None:
            with self._lock:
                self._sent += sent
                self._memory_left += sum(self._memory.popleft().size for _ in range(sent + aside))
            return
        try:
            self._disk.queue.advance(window, sent, aside)
        except OSError as error:
            # To go on would be to send the same again and again.
            raise SpoolError(f"the spool {window.path} can't be written: {error.strerror or error}") from error
        if not self._disk.journal.owns(window.path):
            self._earlier += sent

    def set_aside(self, record: Record, reason: str) -> None:
        """Keeps a record that can never be sent, on disk; without a disk it is lost."""
        if self._disk is None:
            self._lose(record)
            return
        try:
            self._disk.queue.set_aside(record, reason)
        except OSError:
            self._lose(record)

    def note_trouble(self, reason: str | None) -> None:
        """Keeps the reason why nothing could be sent, for `status`; None says that all is well."""
        if self._disk is not None:
            self._disk.queue.note_trouble(reason)

    def close(self) -> None:
        """Tries to bring to disk what is in memory; what can't be is lost. Lets go of the files."""
        with self._lock:
            with suppress(SpoolError):  # what it can't take is counted next
                while self._disk and self._memory:
                    self._disk.journal.append(self._memory[0])
                    self._memory.popleft()
            self._lost += [node_in(record.value) for record in self._memory]
            self._memory.clear()
            if self._disk:
                self._disk.journal.close()

    def leave_to_parent(self) -> None:
        """In a forked process, lets go of the parent's files.

        It takes no lock: the thread that held one at the fork is not there to release it.
        """
        if self._disk:
            self._disk.journal.leave_to_parent()

    def _on_disk(self, record: Record) -> bool:
        if self._open_disk is None:
            return False
        try:
            disk = self._disk or self._open_disk()
            disk.journal.append(record)
        except (SpoolError, OSError) as error:
            self._open_disk = None
            self._warn(str(error))
            return False
        self._disk = disk
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
        appended, sent, aside = self._disk.journal.progress() if self._disk else (0, 0, 0)
        return appended - sent - aside

    @contextmanager
    def _mended(self) -> Iterator[None]:
        """Goes on without the disk where it can't be read; what is there waits, and memory no longer waits for it."""
        try:
            yield
        except OSError as error:
            self._disk_trouble = f"the spool can't be read: {error}"
            self._has_turn = False
