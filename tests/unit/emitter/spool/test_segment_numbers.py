"""Numbers by which the spool deletes, and names by which it finds files: a wrong one costs no event."""

import fcntl
import json
import os
import shutil
import struct
import threading
from pathlib import Path

import pytest

from emitter.brokers.file_log import FileLog
from emitter.dbt.artifact_file import stamp_of
from emitter.record import Record
from emitter.spool.queue import DAMAGED
from emitter.spool.segment import HEAD_SIZE, Progress, write_progress
from tests.support.events.spooled_records import disk, drain, record

VALUES = [b"1", b"2", b"3", b"4"]


def half_sent(root: Path) -> Path:
    """A spool with one segment of four records, two of which are sent; its process has ended. Returns the segment."""
    writer, queue = disk(root)
    for value in VALUES:
        writer.append(record(value))
    with queue.exclusive():
        batch = queue.next_batch()
        assert batch
        queue.advance(batch, 2, 0)
    writer.close()
    [segment] = queue.segments()
    return segment


@pytest.mark.parametrize("place", range(HEAD_SIZE))
def test_a_damaged_head_deletes_nothing_that_was_not_sent(tmp_path: Path, place: int) -> None:
    """Each byte of a segment's head, with each of its bits turned: what was not sent is sent, or the file stays."""
    half_sent(tmp_path / "whole")
    for bit in range(8):
        root = tmp_path / str(bit)
        shutil.copytree(tmp_path / "whole", root)
        _, queue = disk(root)
        [segment] = queue.segments()
        data = bytearray(segment.read_bytes())
        data[place] ^= 1 << bit
        segment.write_bytes(data)
        sent = [each.value for each in drain(queue)]
        kept = [*queue.segments(), *queue.folder.glob(f"*{DAMAGED}")]
        assert set(sent) >= {b"3", b"4"} or kept, f"bit {bit} of byte {place} deleted events"


@pytest.mark.parametrize("sent", [0, 1, 3, 4, 2**40])
def test_a_count_that_is_not_that_of_the_records_deletes_nothing(tmp_path: Path, sent: int) -> None:
    """Even with a right checksum: as many records must be settled as the file holds, or it is kept for people."""
    segment = half_sent(tmp_path)
    file = os.open(segment, os.O_RDWR)
    write_progress(file, Progress(segment.stat().st_size, sent, 0))
    os.close(file)
    _, queue = disk(tmp_path)
    assert drain(queue) == []
    assert len(list(queue.folder.glob(f"*{DAMAGED}"))) == (0 if sent == len(VALUES) else 1)


def test_progress_of_the_version_before_is_not_believed(tmp_path: Path) -> None:
    """It has no checksum, so all of its segment is sent again, and then deleted."""
    segment = half_sent(tmp_path)
    data = bytearray(segment.read_bytes())
    struct.pack_into("<I", data, 20, 0)
    segment.write_bytes(data)
    _, queue = disk(tmp_path)
    assert [each.value for each in drain(queue)] == VALUES
    assert not segment.exists()


def test_records_that_another_process_has_settled_meanwhile_are_not_counted_twice(tmp_path: Path) -> None:
    """As when the lock was lost: the later note of the same batch changes nothing."""
    writer, queue = disk(tmp_path)
    for value in VALUES:
        writer.append(record(value))
    batch = queue.next_batch()
    assert batch
    queue.advance(batch, 3, 0)
    queue.advance(batch, 2, 1)
    assert writer.progress() == (4, 3, 0)
    assert [each.value for each in queue.waiting()] == [b"4"]


def test_a_lock_whose_file_was_deleted_is_not_a_lock(tmp_path: Path) -> None:
    """A process that gets it must hold the file that the next one will find."""
    _, queue = disk(tmp_path)
    lock = queue.folder / "flusher.lock"
    lock.touch(0o600)
    held = os.open(lock, os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    with queue.exclusive() as mine:
        assert not mine
    lock.unlink()
    with queue.exclusive() as mine:
        assert mine
        with queue.exclusive() as another:
            assert not another
        assert os.path.samestat(lock.stat(), lock.stat())
    os.close(held)


def test_a_log_that_is_rotated_while_an_event_waits_for_its_turn(tmp_path: Path) -> None:
    """The event goes to the file of that name, and not to the one that was moved away or deleted."""
    path = tmp_path / "t.jsonl"
    path.touch()
    held = os.open(path, os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    log, settled = FileLog(tmp_path), threading.Event()
    sending = threading.Thread(target=lambda: log.send(Record("t", b"k", b'"late"', 0), lambda _: settled.set()))
    sending.start()
    waits = f"FLOCK  ADVISORY  WRITE {os.getpid()} "
    while not any("->" in line and waits in line for line in Path("/proc/locks").read_text().splitlines()):
        assert sending.is_alive(), "the event did not wait for its turn"
    path.unlink()
    os.close(held)
    sending.join(60)
    assert settled.is_set()
    assert [json.loads(line)["value"] for line in path.read_text().splitlines()] == ["late"]


def test_a_file_that_was_replaced_is_another_one(tmp_path: Path) -> None:
    """With the time and the size of the one before."""
    path, other = tmp_path / "manifest.json", tmp_path / "other"
    path.write_text('{"a": 1}')
    before = stamp_of(path)
    other.write_text('{"a": 2}')
    os.utime(other, ns=(before[0], before[0]))
    other.replace(path)
    assert stamp_of(path) != before
