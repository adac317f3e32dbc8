"""The journal: the segments that this process appends to, within the spool's limit."""

import os
from pathlib import Path

from emitter.errors import SpoolError
from emitter.record import Record
from emitter.spool.frame import encode
from emitter.spool.layout import LAYOUT
from emitter.spool.segment import SUFFIX, Progress, SegmentWriter, number

# A segment is deleted as a whole, so small ones give their room back soon. In bytes.
SEGMENT_BYTES = 4 * 1024 * 1024
# After how many bytes of its own a process looks again what others have written.
_GRANT = 1024 * 1024


class Journal:
    """Appends records to the queue in `folder`, which is below the spool's folder `root`.

    Several processes may exceed the limit together, by a megabyte each, because nobody waits for anybody to append.

    Args:
        root: The spool's folder, whose files count.
        folder: The queue's folder.
        max_bytes: How many bytes the files below `root` may have.
        segment_bytes: From which size on a segment is followed by the next.
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
        """Appends a record; once it returns, the record survives this process.

        Raises:
            SpoolError: if the limit is reached, or the disk can't be written.
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
        """How many records of this process were appended, sent, and set aside, by whichever process."""
        self.leave_to_parent()
        if self._closed:
            return self._appended, self._settled.sent, self._settled.aside
        self._forget_settled()
        open_ones = [segment.progress() for segment in self._segments]
        sent = self._settled.sent + sum(progress.sent for progress in open_ones)
        return self._appended, sent, self._settled.aside + sum(progress.aside for progress in open_ones)

    def owns(self, path: Path) -> bool:
        """Whether a segment is one of this process's."""
        return path.name in self._names

    def leave_to_parent(self) -> None:
        """Begins segments of its own in a process that was forked from the one that made this journal.

        Two processes that append to one segment would each count only what they wrote themselves, and by that count cut
        off or delete what the other one wrote. The parent's lock stays: it is held as long as the parent has the file.
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
        """Lets go of the files, which says that this process appends no more; `progress` stays what it is."""
        _, sent, aside = self.progress()
        self._settled, self._closed = Progress(0, sent, aside), True
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
        # The name is taken before the old segment is given up: what follows in time is always numbered higher.
        place = 1 + max([self._last, *(number(path.name) for path in self._folder.glob(f"*{SUFFIX}"))])
        writer = SegmentWriter.create(self._folder, place)
        self._last = place
        if self._segments:
            self._segments[-1].seal()
        self._segments.append(writer)
        self._names.add(writer.path.name)
        return writer

    def _forget_settled(self) -> None:
        """Closes sealed segments that are done, so that a long run doesn't collect open files."""
        while len(self._segments) > 1:
            progress = self._segments[0].progress()
            if progress.end < self._segments[0].size:
                return
            self._settled = Progress(0, self._settled.sent + progress.sent, self._settled.aside + progress.aside)
            self._segments.pop(0).close()


def used_bytes(root: Path) -> int:
    """The bytes of all segments and set-aside events of a spool.

    Only those below its own folder: beside it, another user could put a file of any size, and fill the limit with it.
    """
    used = 0
    for pattern in (f"*/*{SUFFIX}", "*/aside/*"):
        for path in (root / LAYOUT).glob(pattern):
            try:
                used += path.lstat().st_size
            except FileNotFoundError:  # sent and deleted meanwhile
                continue
    return used
