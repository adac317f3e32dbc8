"""What the library can't parse, from the bytes of a fetch on; the integration test has the way from a broker."""

from __future__ import annotations

import random
import struct
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import errors
from kafka.record import MemoryRecords
from kafka.structs import TopicPartition as KafkaPartition

from consumer.errors import RejectedRecord
from consumer.kafka.batch import event_of
from consumer.kafka.record import Record
from consumer.kafka.source import record_of
from consumer.kafka.unreadable import NO_TIME, TRIES, read_on
from schemas.decode import decode
from tests.support.batches import batch, resealed

PLACE = KafkaPartition("t", 0)
FIVE = [b"a", b"b", b"c", b"d", b"e"]
WRONG = "checksum is wrong"


class Fetching:
    """A consumer of which only the parsing is there: it fetches all that is kept, from its position on.

    Args:
        kept: Batches.
        checks: Whether checksums are compared.
    """

    def __init__(self, *kept: bytes, checks: bool = False, highwater: int = 100) -> None:
        self.kept = list(kept)
        self.position = 0
        self.failures: list[str] = []
        self._checks = checks
        self._fetcher: Any = SimpleNamespace()
        self._subscription = SimpleNamespace(assignment={PLACE: SimpleNamespace(highwater=highwater)})
        read_on(self)

    def fetch(self, at_once: int = 500) -> list[Record]:
        """All that one fetch gives, until it is read or fails."""
        data = MemoryRecords(b"".join(data for data in self.kept if _end(data) > self.position))
        parser = self._fetcher.PartitionRecords(self.position, PLACE, data, check_crcs=self._checks)
        found: list[Record] = []
        while parser:
            try:
                found += map(record_of, parser.take(at_once))
            except errors.CorruptRecordError as error:
                self.failures.append(str(error))
                assert not parser, "a parser that failed is asked no more, or the library asks it without end"
            else:
                self.position = parser.next_fetch_offset
        return found


def _end(data: bytes) -> int:
    """The offset behind a batch."""
    first, last = struct.unpack_from(">q15xi", data)
    return int(first + last + 1)


def places(records: list[Record]) -> list[int]:
    """Their offsets."""
    return [record.offset for record in records]


def flaws(records: list[Record]) -> dict[int, str]:
    """What is wrong with those that have a flaw, by offset."""
    return {record.offset: record.flaw for record in records if record.flaw}


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4"])
@pytest.mark.parametrize("checks", [False, True])
def test_header_in_another_encoding(codec: str, *, checks: bool) -> None:
    """A header's name that is no UTF-8 is spelled out, and its record is a record as any other."""
    fetching = Fetching(batch(FIVE, codec=codec, odd=1), checks=checks)
    found = fetching.fetch(2)
    assert [(record.offset, record.key, record.value) for record in found] == [
        (number, b"%d" % number, value) for number, value in enumerate(FIVE)
    ]
    assert found[1].headers == ((r"Gr\xf6\xdfe", b"1"), ("plain", b""))
    assert [record.timestamp_ms for record in found] == [1000, 1001, 1002, 1003, 1004]
    assert (flaws(found), fetching.failures, fetching.position) == ({}, [], 5)


def test_begins_within_a_batch() -> None:
    """Who comes back to the middle of a batch gets what is left of it."""
    fetching = Fetching(batch(FIVE, odd=1))
    fetching.position = 1
    assert places(fetching.fetch()) == [1, 2, 3, 4]
    fetching.position = 3
    assert places(fetching.fetch()) == [3, 4]


def test_record_that_is_none() -> None:
    """A record whose fields don't fit costs itself: its bytes are kept, and what stands around it is read."""
    good = batch([b"a", b"x" * 40, b"c"])
    at = good.index(b"x" * 40) - 1
    fetching = Fetching(resealed(good[:at] + b"\x7e" + good[at + 1 :]), batch(FIVE, 3), checks=True)
    found = fetching.fetch()
    assert places(found) == list(range(8))
    assert list(flaws(found)) == [1]
    assert "longer than the record" in found[1].flaw
    assert b"x" * 40 in (found[1].value or b"")
    assert found[1].timestamp_ms == 1002, "no time is known of it but that of the batch"


@pytest.mark.parametrize("checks", [False, True])
def test_batch_that_can_not_be_told_apart(*, checks: bool) -> None:
    """Where compression is broken, by a writer whose checksum fits, the batch is one letter, and reading goes on."""
    good = batch(FIVE * 20, 5, "gzip")
    broken = resealed(good[:61] + bytes(20) + good[81:])
    fetching = Fetching(batch(FIVE), broken, batch(FIVE, 105), checks=checks)
    found = fetching.fetch()
    assert places(found) == [0, 1, 2, 3, 4, 104, 105, 106, 107, 108, 109], "a commit of it goes behind the batch"
    assert found[5].value == broken
    assert "offsets 5 to 104 can't be told apart" in found[5].flaw
    assert fetching.failures == [], "fetching it again would not help"


def test_rest_of_a_batch() -> None:
    """Where a record's end is not known, what is before it is read, and the rest is one letter."""
    good = batch([b"a", b"b", b"x" * 40, b"d"])
    at = good.index(b"x" * 40) - 8
    fetching = Fetching(resealed(good[:at] + b"\xfe\xff\xff\x7f" + good[at + 4 :]), batch(FIVE, 4))
    found = fetching.fetch()
    assert places(found) == [0, 1, 3, 4, 5, 6, 7, 8]
    assert "offsets 2 to 3" in found[2].flaw


@pytest.mark.parametrize(("checks", "failing"), [(True, 44), (False, 3)])
def test_damaged_batch(failing: int, *, checks: bool) -> None:
    """A batch with a wrong checksum is fetched again some times, then it is one letter; reading goes on behind it."""
    good = batch([b"x" * 40] * 3, 5, "gzip")
    damaged = good[: -8 - failing] + b"\xff" * failing + good[-8:]
    fetching = Fetching(batch(FIVE), damaged, batch(FIVE, 8), checks=checks)
    found = fetching.fetch()
    for _ in range(TRIES - 2):
        assert places(found) == [0, 1, 2, 3, 4]
        assert fetching.fetch() == []
    assert (len(fetching.failures), fetching.position) == (TRIES - 1, 5)
    assert all("t[0]@5" in failure and WRONG in failure for failure in fetching.failures)
    found = fetching.fetch()
    assert (found[0].offset, found[0].value, found[0].timestamp_ms) == (7, damaged, NO_TIME)
    found += fetching.fetch()
    assert places(found) == [7, 8, 9, 10, 11, 12]
    assert "5 to 7" in found[0].flaw


def test_damage_on_the_way() -> None:
    """A batch that is whole when it is fetched again was never damaged."""
    good = batch(FIVE)
    fetching = Fetching(good[:-3] + b"\xff" + good[-2:], checks=True)
    assert fetching.fetch() == []
    fetching.kept = [good]
    assert places(fetching.fetch()) == [0, 1, 2, 3, 4]
    assert len(fetching.failures) == 1


def test_damaged_range() -> None:
    """A damaged batch that names an offset that there is not sends nobody there; it says what to do."""
    good = batch(FIVE)
    fetching = Fetching(good[:23] + b"\x01" + good[24:], checks=True, highwater=5)
    for _ in range(TRIES + 2):
        assert fetching.fetch() == []
    assert "give the group an offset behind it" in fetching.failures[-1]
    assert fetching.position == 0


@pytest.mark.parametrize("checks", [False, True])
def test_any_damage_ends(*, checks: bool) -> None:
    """Whatever bytes are changed, each fetch ends, with records that are there or a failure to be told."""
    chance = random.Random(7)
    for codec in ("none", "gzip", "snappy", "lz4"):
        good = batch(FIVE, codec=codec) + batch(FIVE, 5, codec)
        for _ in range(300):
            data = bytearray(good)
            for _ in range(chance.randint(1, 4)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            fetching = Fetching(bytes(data), checks=checks)
            for _ in range(TRIES + 1):
                fetching.fetch(3)


def test_is_rejected() -> None:
    """A record with a flaw is a dead letter that tells it."""
    with pytest.raises(RejectedRecord, match="it is no record"):
        event_of(Record("t", 0, 1, None, b"{}", 0, flaw="it is no record"), decode, 60, 0)
