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
from consumer.kafka.fetch.record_parser import (
    MAX_HEADERS,
    MAX_MESSAGE_SET,
    MAX_RECORD,
    MAX_UNPACKED,
    message_bounds,
)
from consumer.kafka.fetch.tolerant_fetcher import MAX_FETCHES, NO_TIMESTAMP, install_tolerant_parser
from consumer.kafka.group_consumer import to_record
from consumer.processing.batch import decode_record
from consumer.processing.record import TRUNCATED_BYTES, Record, Truncation
from schemas.decode import decode
from schemas.strict_json import MAX_BYTES
from tests.support.brokers.record_batches import batch, message_set, resealed, with_payload

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
        install_tolerant_parser(self)

    def fetch(self, at_once: int = 500) -> list[Record]:
        """All that one fetch gives, until it is read or fails."""
        data = MemoryRecords(b"".join(data for data in self.kept if _end(data) > self.position))
        parser = self._fetcher.PartitionRecords(self.position, PLACE, data, check_crcs=self._checks)
        found: list[Record] = []
        while parser:
            try:
                found += map(to_record, parser.take(at_once))
            except errors.CorruptRecordError as error:
                self.failures.append(str(error))
                assert not parser, "a parser that failed is asked no more, or the library asks it without end"
            else:
                self.position = parser.next_fetch_offset
        return found


def _end(data: bytes) -> int:
    """The offset behind a batch."""
    first, magic, last = struct.unpack_from(">q8xb6xi", data)
    return int(first + last + 1) if magic == 2 else int(first + 1)


def places(records: list[Record]) -> list[int]:
    """Their offsets."""
    return [record.offset for record in records]


def flaws(records: list[Record]) -> dict[int, str]:
    """What is wrong with those that have a flaw, by offset."""
    return {record.offset: record.parse_error for record in records if record.parse_error}


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
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
    assert "ends 22 bytes too early" in found[1].parse_error
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
    assert "offsets 5 to 104 can't be separated" in found[5].parse_error
    assert fetching.failures == [], "fetching it again would not help"


def test_rest_of_a_batch() -> None:
    """Where a record's end is not known, what is before it is read, and the rest is one letter."""
    good = batch([b"a", b"b", b"x" * 40, b"d"])
    at = good.index(b"x" * 40) - 8
    fetching = Fetching(resealed(good[:at] + b"\xfe\xff\xff\x7f" + good[at + 4 :]), batch(FIVE, 4))
    found = fetching.fetch()
    assert places(found) == [0, 1, 3, 4, 5, 6, 7, 8]
    assert "offsets 2 to 3" in found[2].parse_error


@pytest.mark.parametrize(("checks", "failing"), [(True, 44), (False, 3)])
def test_damaged_batch(failing: int, *, checks: bool) -> None:
    """A batch with a wrong checksum is fetched again some times, then it is one letter; reading goes on behind it."""
    good = batch([b"x" * 40] * 3, 5, "gzip")
    damaged = good[: -8 - failing] + b"\xff" * failing + good[-8:]
    fetching = Fetching(batch(FIVE), damaged, batch(FIVE, 8), checks=checks)
    found = fetching.fetch()
    for _ in range(MAX_FETCHES - 2):
        assert places(found) == [0, 1, 2, 3, 4]
        assert fetching.fetch() == []
    assert (len(fetching.failures), fetching.position) == (MAX_FETCHES - 1, 5)
    assert all("t[0]@5" in failure and WRONG in failure for failure in fetching.failures)
    found = fetching.fetch()
    assert (found[0].offset, found[0].value, found[0].timestamp_ms) == (7, damaged, NO_TIMESTAMP)
    found += fetching.fetch()
    assert places(found) == [7, 8, 9, 10, 11, 12]
    assert "5 to 7" in found[0].parse_error


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
    for _ in range(MAX_FETCHES + 2):
        assert fetching.fetch() == []
    assert "reset the group to an offset after it" in fetching.failures[-1]
    assert fetching.position == 0


@pytest.mark.parametrize("checks", [False, True])
def test_any_damage_ends(*, checks: bool) -> None:
    """Whatever bytes are changed, each fetch ends, with records that are there or a failure to be told."""
    chance = random.Random(7)
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        good = batch(FIVE, codec=codec) + batch(FIVE, 5, codec)
        for _ in range(300):
            data = bytearray(good)
            for _ in range(chance.randint(1, 4)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            fetching = Fetching(bytes(data), checks=checks)
            for _ in range(MAX_FETCHES + 1):
                fetching.fetch(3)


def test_honest_batch_is_read_whatever_it_unpacks_to() -> None:
    """Records that unpack to far more than is held at once are all read, each as it was."""
    values = [b"%d" % number * 200_000 for number in range(100)]
    for codec in ("gzip", "lz4", "zstd"):
        found = Fetching(batch(values, codec=codec)).fetch(1)
        assert [record.value for record in found] == values


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_long_value_is_cut(codec: str) -> None:
    """A value that no event can be is passed over as it is unpacked: its beginning, length and hash are kept."""
    bomb = b"{" + b" " * (MAX_RECORD + 5)
    fetching = Fetching(batch([b"a", bomb, b"c"], codec=codec), batch(FIVE, 3))
    found = fetching.fetch()
    assert places(found) == list(range(8))
    assert (found[1].key, found[1].value, found[1].truncation) == (b"1", bomb[:TRUNCATED_BYTES], Truncation.of(bomb))
    assert f"has {len(bomb)} bytes" in found[1].parse_error
    assert list(flaws(found)) == [1]


@pytest.mark.parametrize("headers", [[("a", b"b")] * (MAX_HEADERS + 1), [("a", b"b" * MAX_RECORD)]])
def test_headers_are_bounded(headers: list[tuple[str, bytes]]) -> None:
    """A record with very many headers, or very long ones, costs itself."""
    fetching = Fetching(batch([b"a", b"b", b"c"], codec="zstd", headers={1: headers}))
    found = fetching.fetch()
    assert (places(found), list(flaws(found))) == ([0, 1, 2], [1])
    assert "headers" in found[1].parse_error


def test_batch_that_unpacks_to_too_much() -> None:
    """What is before the bound is read, the rest is a letter of the raw batch, and the next batch is read."""
    data = batch([b"a", *[b" " * (MAX_UNPACKED // 3 + 1)] * 3, b"e"], codec="zstd")
    fetching = Fetching(data, batch(FIVE, 5))
    found = fetching.fetch()
    assert places(found) == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert (found[3].value, f"decompressed size exceeds {MAX_UNPACKED}" in found[3].parse_error) == (data, True)


def test_block_of_snappy_that_states_too_much() -> None:
    """It is refused by what it states, before there is a byte of it."""
    good = batch([b"a" * 500] * 5, codec="snappy")
    states = b"\xff\xff\xff\xff\x0f" + bytes(20)
    fetching = Fetching(with_payload(good, states), batch(FIVE, 5))
    found = fetching.fetch()
    assert (places(found), "decompresses to 4294967295 bytes" in found[0].parse_error) == ([4, 5, 6, 7, 8, 9], True)


@pytest.mark.parametrize("length", [0, -4, 1 << 30])
def test_block_of_snappy_with_a_wrong_length(length: int) -> None:
    """It ends."""
    good = batch([b"a" * 500] * 5, codec="snappy")
    framed = b"\x82SNAPPY\x00" + struct.pack(">iii", 1, 1, length) + good[61:]
    fetching = Fetching(with_payload(good, framed))
    found = fetching.fetch()
    assert (places(found), "states a length" in found[0].parse_error) == ([4], True)


def test_offset_that_is_not_of_its_batch() -> None:
    """A record that claims to lie elsewhere moves no group there."""
    good = batch(FIVE)
    at = 61 + 3
    assert good[at] == 0, "the delta of the first offset"
    fetching = Fetching(resealed(good[:at] + b"\x7e" + good[at + 1 :]), batch(FIVE, 5))
    found = fetching.fetch()
    assert (places(found), list(flaws(found))) == (list(range(10)), [0])
    assert "its offset is 63" in found[0].parse_error


@pytest.mark.parametrize("magic", [0, 1])
@pytest.mark.parametrize("codec", ["none", "gzip", "snappy"])
def test_old_message_sets(magic: int, codec: str) -> None:
    """Messages of the old formats are read with their offsets and times, compressed or not."""
    first, values = 40, [value * 500 for value in FIVE]
    found = Fetching(*message_set(values, magic, codec, first), checks=True)
    records = found.fetch()
    assert [(record.offset, record.value) for record in records] == list(enumerate(values, first)), flaws(records)
    if magic:
        assert [record.timestamp_ms for record in records] == [1000, 1001, 1002, 1003, 1004]


@pytest.mark.parametrize("magic", [0, 1])
def test_old_message_set_that_unpacks_to_too_much(magic: int) -> None:
    """It is a letter of its raw bytes; a message in it that no event can be is cut."""
    long = b" " * (MAX_BYTES + 1)
    (record,) = Fetching(*message_set([long], magic, "gzip")).fetch()
    assert (record.value, record.truncation) == (long[:TRUNCATED_BYTES], Truncation.of(long))
    (data,) = message_set([b" " * (MAX_MESSAGE_SET + 1)], magic, "gzip")
    (record,) = Fetching(data).fetch()
    assert (record.value, f"decompressed size exceeds {MAX_MESSAGE_SET}" in record.parse_error) == (data, True)


def test_old_message_with_a_wrong_length() -> None:
    """A set whose messages don't end where they say is one letter, and reading ends."""
    for length in (-12, 0, 1 << 30):
        inner = struct.pack(">qi", 0, length) + bytes(30)
        with pytest.raises(ValueError, match="states a length"):
            list(message_bounds(memoryview(inner)))


def test_is_rejected() -> None:
    """A record with a flaw is a dead letter that tells it."""
    with pytest.raises(RejectedRecord, match="it is no record"):
        decode_record(Record("t", 0, 1, None, b"{}", 0, parse_error="it is no record"), decode, 60, 0)
