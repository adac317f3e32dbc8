"""The spool: what was appended is there, byte for byte and in order, whatever happened to the process or the file."""

import errno
import json
import os
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from emitter.delivery.outbox import Outbox, Spool
from emitter.errors import SpoolError
from emitter.record import Record
from emitter.send_batch import LARGE_BYTES
from emitter.spool.layout import Destination, spool_folder
from emitter.spool.queue import Queue
from emitter.spool.segment import SUFFIX
from emitter.spool.spool_status import as_text, status
from tests.support.events.spooled_records import Brittle, disk, drain, record


def test_a_damaged_segment_is_kept(tmp_path: Path) -> None:
    """What is readable is sent; the rest is renamed and told by `status`."""
    writer, queue = disk(tmp_path)
    for value in (b"1", b"2", b"3"):
        writer.append(record(value))
    writer.close()
    [segment] = queue.segments()
    data = bytearray(segment.read_bytes())
    data[data.index(b"k2")] ^= 1
    segment.write_bytes(data)
    assert [one.value for one in drain(queue)] == [b"1", b"3"]
    assert status(tmp_path)["queues"][0]["damaged"] == 1


def test_processes_one_after_another_keep_their_order_whatever_the_clock(tmp_path: Path) -> None:
    """Segments are numbered; the clock that went back is only in the records."""
    for time in (5000, 4000, 3000):
        writer, _ = disk(tmp_path)
        writer.append(Record("t", b"k", b"%d" % time, time))
        writer.close()
    left = disk(tmp_path).queue
    assert [one.value for one in drain(left)] == [b"5000", b"4000", b"3000"]
    assert left.segments() == []


def test_a_segment_in_use_is_not_deleted(tmp_path: Path) -> None:
    """The writer may append after all of it was sent."""
    writer, queue = disk(tmp_path)
    writer.append(record(b"1"))
    assert len(drain(queue)) == 1
    writer.append(record(b"2"))
    assert [one.value for one in drain(queue)] == [b"2"]
    writer.close()
    assert queue.segments() == [], "nothing waits, but the segment is left"


def test_one_process_sends_at_a_time(tmp_path: Path) -> None:
    """The second is told so, and `status` says who it is."""
    queue = disk(tmp_path).queue
    with queue.exclusive() as first:
        other: AbstractContextManager[bool] = Queue(queue.folder, "t").exclusive()
        with other as second:
            assert (first, second) == (True, False)
        assert status(tmp_path)["queues"][0]["sender"] == os.getpid()
    assert status(tmp_path)["queues"][0]["sender"] is None


def test_a_large_record_goes_alone(tmp_path: Path) -> None:
    """So that nothing overtakes it while it is being reduced."""
    writer, queue = disk(tmp_path)
    for size in (1, LARGE_BYTES + 1, 1, 1):
        writer.append(record(b"x" * size))
    windows = []
    with queue.exclusive():
        while batch := queue.next_batch():
            windows.append(len(batch.records))
            queue.advance(batch, len(batch.records), 0)
    assert windows == [1, 1, 2]


def test_the_limit_is_on_all_that_waits(tmp_path: Path) -> None:
    """Beyond it appending fails with advice; what is sent makes room."""
    writer, queue = disk(tmp_path, max_bytes=5000, segment_bytes=1000)
    for _ in range(8):
        writer.append(record(b"x" * 400))
    with pytest.raises(SpoolError, match=r"the 5000 bytes of the spool .* are full: .*spool flush.*spool_max_bytes"):
        writer.append(record(b"x" * 4000))
    assert sum(path.stat().st_size for path in queue.segments()) <= 5000
    assert len(drain(queue)) == 8
    writer.append(record(b"x" * 400))


@pytest.mark.parametrize("problem", ["full", "read-only"])
def test_a_disk_that_takes_nothing_leaves_memory(tmp_path: Path, problem: str) -> None:
    """With one warning; the order stays, and what memory can't keep to the end is brought to disk if that mends."""
    told: list[str] = []
    real = disk(tmp_path)
    code = errno.ENOSPC if problem == "full" else errno.EROFS
    journal = Brittle(real.writer, code)
    outbox = Outbox(memory_bytes=1000, open_spool=lambda: Spool(journal, real.queue), warn=told.append)  # type: ignore[arg-type]
    outbox.append(record(b"0"))
    journal.broken = True
    for number in range(1, 4):
        outbox.append(record(b"%d" % number))
    assert len(told) == 1, told
    assert os.strerror(code) in told[0]
    values = []
    with outbox.exclusive():
        while batch := outbox.next_batch():
            values += [one.value for one in batch.records]
            outbox.advance(batch, len(batch.records), 0)
    assert values == [b"0", b"1", b"2", b"3"]
    outbox.append(record(b"4"))
    journal.broken = False
    outbox.close()
    assert [one.value for one in drain(real.queue)] == [b"4"]


def test_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    """Neither read nor deleted; `status` counts it."""
    writer, queue = disk(tmp_path)
    writer.append(record())
    writer.close()
    [segment] = queue.segments()
    data = bytearray(segment.read_bytes())
    data[16] = 2
    segment.write_bytes(data)
    assert drain(queue) == []
    assert segment.exists()
    assert status(tmp_path)["queues"][0]["damaged"] == 1


def test_a_progress_that_makes_no_sense_means_from_the_beginning(tmp_path: Path) -> None:
    """A power failure may leave anything there: sent twice is better than not at all."""
    writer, queue = disk(tmp_path)
    writer.append(record())
    writer.close()
    [segment] = queue.segments()
    with segment.open("r+b") as file:
        file.seek(24)
        file.write(b"\xff" * 24)
    assert drain(queue) == [record()]


def test_quarantine_keeps_the_bytes(tmp_path: Path) -> None:
    """With the reason, for people and for the next `flush`; twice is once."""
    queue = disk(tmp_path).queue
    odd = record(b'{"a": "\xff"}', b"\xfe")
    queue.quarantine(odd, "too large")
    queue.quarantine(odd, "too large")
    assert list(queue.quarantined().values()) == [(odd, "too large")]


def test_the_status_tells_what_waits_and_why(tmp_path: Path) -> None:
    """Count, age, bytes, last error; as JSON and for people."""
    writer, queue = disk(tmp_path)
    writer.append(record(b"12345"))
    queue.record_error("no route")
    queue.quarantine(record(b"6"), "too large")
    found = status(tmp_path, now=61.0)
    [one] = json.loads(json.dumps(found))["queues"]
    assert (one["waiting"], one["bytes"], one["oldest_seconds"]) == (1, 6, 60)
    assert (one["topic"], one["bootstrap_servers"]) == ("t", "b:1")
    assert (one["last_error"], one["quarantined"], one["reasons"]) == ("no route", 1, ["too large"])
    text = as_text(found)
    for part in ("waiting     1 (6 bytes), the oldest since 60 s", "no route", "1; too large", "t at b:1"):
        assert part in text, text
    queue.record_error(None)
    assert status(tmp_path)["queues"][0]["last_error"] is None


def test_without_a_spool_the_status_is_empty(tmp_path: Path) -> None:
    """Looking makes nothing."""
    assert status(tmp_path / "none")["queues"] == []
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("setting", "environ", "expected"),
    [
        ("/a", {"HEADWATER_SPOOL_DIR": "/b", "XDG_STATE_HOME": "/c"}, "/a"),
        (None, {"HEADWATER_SPOOL_DIR": "/b", "XDG_STATE_HOME": "/c"}, "/b"),
        (None, {"XDG_STATE_HOME": "/c"}, "/c/headwater/spool"),
        (None, {"XDG_STATE_HOME": "relative"}, "~/.local/state/headwater/spool"),
        (None, {}, "~/.local/state/headwater/spool"),
    ],
)
def test_where_the_spool_is(setting: str | None, environ: dict[str, str], expected: str) -> None:
    """The setting, then the environment, then XDG's default."""
    assert spool_folder(setting, environ) == Path(expected).expanduser()


def test_each_cluster_and_topic_has_a_queue_that_nobody_else_reads(tmp_path: Path) -> None:
    """Events of one cluster never go to another; the order of the brokers' names is no difference."""
    names = {Destination(servers, topic).queue for servers, topic in [("a:1,b:1", "t"), ("b:1,a:1", "t")]}
    assert len(names | {Destination("a:1", "t").queue, Destination("a:1,b:1", "u").queue}) == 3
    writer, queue = disk(tmp_path)
    writer.append(record())
    assert queue.folder.parent.stat().st_mode & 0o077 == 0
    assert queue.segments()[0].stat().st_mode & 0o077 == 0
    assert queue.segments()[0].suffix == SUFFIX
