"""The spool: what was appended is there, byte for byte and in order, whatever happened to the process or the file."""

import errno
import json
import os
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emitter.delivery.outbox import Outbox, Spool
from emitter.errors import SpoolError
from emitter.record import Record
from emitter.send_batch import LARGE_BYTES
from emitter.spool.frame import decode, encode
from emitter.spool.layout import Destination, open_queue, spool_folder
from emitter.spool.queue import DAMAGED, Queue
from emitter.spool.segment import HEAD_SIZE, SUFFIX
from emitter.spool.spool_status import as_text, status
from emitter.spool.spool_writer import SpoolWriter

TOPIC = Destination("b:1", "t")

records = st.lists(
    st.builds(
        Record,
        topic=st.just("t"),
        key=st.sampled_from([b"", b"dbt/a", b"dbt/b"]),
        value=st.binary(max_size=80) | st.just(b"HWev" * 9),
        timestamp_ms=st.integers(0, 2**53),
    ),
    min_size=1,
    max_size=8,
)


def record(value: bytes = b"{}", key: bytes = b"k") -> Record:
    """Makes a record of the time 1000."""
    return Record("t", key, value, 1000)


def disk(root: Path, max_bytes: int = 2**30, segment_bytes: int = 2**20) -> Spool:
    """Opens a spool as a process of its own would."""
    folder = open_queue(root, TOPIC)
    return Spool(SpoolWriter(root, folder, max_bytes, segment_bytes), Queue(folder, "t"))


def drain(queue: Queue) -> list[Record]:
    """Sends all that waits, as a flusher whose broker takes everything."""
    sent: list[Record] = []
    with queue.exclusive() as mine:
        assert mine, "the turn was not given back"
        while batch := queue.next_batch():
            sent += batch.records
            queue.advance(batch, len(batch.records), 0)
    return sent


@given(records, st.data())
@settings(max_examples=200)
def test_a_torn_journal_keeps_every_append_that_returned(kept: list[Record], data: st.DataObject) -> None:
    """The file is cut at any byte of the write that was going on; all before it is recovered, in order, exactly."""
    with TemporaryDirectory() as folder:
        writer, queue = disk(Path(folder))
        sizes = [HEAD_SIZE]
        for one in kept:
            writer.append(one)
            sizes.append(sizes[-1] + len(encode(one)))
        writer.close()
        [segment] = queue.segments()
        cut = data.draw(st.integers(0, sizes[-1]), label="cut")
        os.truncate(segment, cut)
        whole = sum(size <= cut for size in sizes[1:])
        assert drain(queue) == kept[:whole]
        assert not list(queue.folder.glob("*eg")), "what is sent is still there"
        assert not list(queue.folder.glob(f"*{DAMAGED}")), "a torn write was taken for damage"


@given(records, st.data())
def test_damage_costs_what_it_hits(kept: list[Record], data: st.DataObject) -> None:
    """A byte that turned over costs its record alone, and the file is kept for people."""
    blob = bytearray(b"".join(map(encode, kept)))
    place = data.draw(st.integers(0, len(blob) - 1), label="place")
    blob[place] ^= 0xFF
    found = [frame.record for frame in decode(bytes(blob), "t") if frame.record]
    hit = next(n for n in range(len(kept)) if place < sum(len(encode(one)) for one in kept[: n + 1]))
    assert found == kept[:hit] + kept[hit + 1 :]


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


@given(records, st.integers(0, 8), st.integers(1, 200))
def test_a_flusher_that_dies_repeats_and_loses_nothing(kept: list[Record], settled: int, segment_bytes: int) -> None:
    """The next one starts at what was noted, over any number of segments."""
    with TemporaryDirectory() as folder:
        writer, queue = disk(Path(folder), segment_bytes=segment_bytes)
        for one in kept:
            writer.append(one)
        done = 0
        with queue.exclusive():
            while done < min(settled, len(kept)) and (batch := queue.next_batch()):
                part = min(len(batch.records), settled - done)
                queue.advance(batch, part, 0)
                done += part
        assert writer.progress() == (len(kept), done, 0)
        assert drain(Queue(queue.folder, "t")) == kept[done:]
        assert writer.progress() == (len(kept), len(kept), 0)


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


class Brittle:
    """A journal on a disk that fails at will."""

    def __init__(self, journal: SpoolWriter, code: int) -> None:
        self._journal = journal
        self._code = code
        self.broken = False
        self.progress, self.owns, self.close = journal.progress, journal.owns, journal.close

    def append(self, one: Record) -> None:
        """Appends, or fails as the journal does."""
        if self.broken:
            raise SpoolError(f"can't write to the spool: {os.strerror(self._code)}")
        self._journal.append(one)


def test_a_write_that_fails_halfway_leaves_nothing(tmp_path: Path) -> None:
    """The system's own limit on a file's size stands for a full disk: the next reader finds whole records only."""
    script = """if True:
        import resource, signal, sys
        from pathlib import Path
        from tests.unit.emitter.spool.test_spool import SpoolError, disk, record
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        writer, queue = disk(Path(sys.argv[1]))
        writer.append(record(b"first"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, resource.RLIM_INFINITY))
        try:
            writer.append(record(b"x" * 4000))
        except SpoolError as error:
            print(error)
        writer.append(record(b"third"))
    """
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True, env=environment()
    )
    assert "File too large" in done.stdout
    assert [one.value for one in drain(disk(tmp_path).queue)] == [b"first", b"third"]


def environment() -> dict[str, str]:
    """This process's environment, with this tree importable."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])}


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


def test_many_processes_may_append_at_once(tmp_path: Path) -> None:
    """Each in its own order, nothing lost, while one of them sends."""
    script = """if True:
        import sys
        from pathlib import Path
        from tests.unit.emitter.spool.test_spool import disk, record
        writer, _ = disk(Path(sys.argv[1]), segment_bytes=2000)
        for number in range(200):
            writer.append(record(b"%d" % number, sys.argv[2].encode()))
    """
    processes = [
        subprocess.Popen([sys.executable, "-c", script, tmp_path, f"key{n}"], env=environment()) for n in range(3)
    ]
    queue = disk(tmp_path).queue
    sent = []
    while any(process.poll() is None for process in processes):
        sent += drain(queue)
    sent += drain(queue)
    assert [process.returncode for process in processes] == [0, 0, 0]
    for n in range(3):
        mine = [int(one.value) for one in sent if one.key == b"key%d" % n]
        assert mine == list(range(200)), f"process {n}'s records are not all there in order"
