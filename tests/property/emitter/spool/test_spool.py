"""Laws of the spool: what was appended is there, byte for byte and in order, wherever the file is cut or damaged."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from emitter.record import Record
from emitter.spool.frame import decode, encode
from emitter.spool.queue import DAMAGED, Queue
from emitter.spool.segment import HEAD_SIZE
from tests.support.events.spooled_records import disk, drain

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
