"""The spool writer: the segments that this process appends to, within the spool's limit."""

import os
from pathlib import Path

from emitter.errors import SpoolError
from emitter.record import Record
from emitter.spool.frame import encode
from emitter.spool.layout import LAYOUT
from emitter.spool.segment import SUFFIX, Progress, SegmentWriter, segment_number

# A segment is deleted as a whole, so small segments free their space soon. In bytes.
SEGMENT_BYTES = 4 * 1024 * 1024
# The bytes that a process appends before it measures again how much others have written.
_GRANT = 1024 * 1024


class SpoolWriter:
    """Appends records to the queue in `folder`, which is below the spool's folder `root`.

    Several processes together may exceed the limit by a megabyte each, because no process waits for another to append.

    Args:
        root: The spool's folder, whose files count towards the limit.
        folder: The queue's folder.
        max_bytes: The limit of all files below `root`, in bytes.
        segment_bytes: The size at which a segment is followed by the next, in bytes.
    """

    def __init__(self, root: Path, folder: Path, max_bytes: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._root = root
        self._folder = folder
        self._max_bytes = max_bytes
        self._segment_bytes = segment_bytes
        self._granted = 0
        self._last = 0
        self._segments: list[SegmentWriter] = []
        self._settled = Progress(0, 0, 0)
        self._appended = 0
        self._names: set[str] = set()
        self._closed = False
        self._process = os.getpid()

    def append(self, record: Record) -> None:
        """Appends a record, which then survives the death of this process.

        Raises:
            SpoolError: The limit is reached, or the disk can't be written.
        """
        self.leave_to_parent()
        if self._closed:
            raise SpoolError(f"the spool {self._folder} was closed by this process")
        frame = encode(record)
        try:
            self._reserve(len(frame))
            self._writer().append(frame)
        except OSError as error:
            raise SpoolError(f"can't write to the spool {self._folder}: {error.strerror or error}") from error
        self._granted -= len(frame)
        self._appended += 1

    def progress(self) -> tuple[int, int, int]:
        """Returns the counts of this process's records that were appended, sent, and quarantined, by any process."""
        self.leave_to_parent()
        if self._closed:
            return self._appended, self._settled.sent, self._settled.quarantined
        self._forget_settled()
        open_ones = [segment.progress() for segment in self._segments]
        sent = self._settled.sent + sum(progress.sent for progress in open_ones)
        return self._appended, sent, self._settled.quarantined + sum(progress.quarantined for progress in open_ones)

    def owns(self, path: Path) -> bool:
        """True if a segment is one of this process's."""
        return path.name in self._names

    def leave_to_parent(self) -> None:
        """Begins new segments in a process that was forked from the one that made this writer.

        Two processes that append to one segment would each count only their own records, and truncate or delete those
        of the other by that count. The parent's lock remains: it is held as long as the parent has the file open.
        """
        if self._process == os.getpid():
            return
        self._process = os.getpid()
        for segment in self._segments:
            segment.close()
        self._segments.clear()
        self._names.clear()
        self._settled, self._appended, self._granted = Progress(0, 0, 0), 0, 0

    def close(self) -> None:
        """Closes the files, after which this process appends no more; `progress` keeps its last value."""
        _, sent, quarantined = self.progress()
        self._settled, self._closed = Progress(0, sent, quarantined), True
        for segment in self._segments:
            if segment.is_settled():
                segment.path.unlink(missing_ok=True)
            segment.close()
        self._segments.clear()

    def _reserve(self, size: int) -> None:
        if size > self._granted:
            self._granted = min(self._max_bytes - used_bytes(self._root), max(_GRANT, size))
        if size > self._granted:
            advice = "send what waits with `headwater-dbt spool flush`, or raise `spool_max_bytes`"
            raise SpoolError(f"the {self._max_bytes} bytes of the spool {self._root} are full: {advice}")

    def _writer(self) -> SegmentWriter:
        if self._segments and self._segments[-1].size < self._segment_bytes:
            return self._segments[-1]
        # The number is chosen before the old segment is sealed, so that a later segment always has a higher number.
        last = max([self._last, *(segment_number(path.name) for path in self._folder.glob(f"*{SUFFIX}"))])
        writer = SegmentWriter.create(self._folder, last + 1)
        self._last = last + 1
        if self._segments:
            self._segments[-1].seal()
        self._segments.append(writer)
        self._names.add(writer.path.name)
        return writer

    def _forget_settled(self) -> None:
        """Closes sealed segments whose records are done, so that a long run does not accumulate open files."""
        while len(self._segments) > 1:
            progress = self._segments[0].progress()
            if progress.end < self._segments[0].size:
                return
            self._settled = Progress(
                0, self._settled.sent + progress.sent, self._settled.quarantined + progress.quarantined
            )
            self._segments.pop(0).close()


def used_bytes(root: Path) -> int:
    """Returns the bytes of all segments and quarantined events of a spool.

    Only files below its own folder count: beside it, another user could create a file of any size to fill the limit.
    """
    used = 0
    for pattern in (f"*/*{SUFFIX}", "*/quarantine/*"):
        for path in (root / LAYOUT).glob(pattern):
            try:
                used += path.lstat().st_size
            except FileNotFoundError:  # sent and deleted meanwhile
                continue
    return used
