"""The records of a batch, one at a time: no batch is held unpacked, and no record that is longer than an event may be.

Formats: "Record Batch" and "Record" of Kafka's protocol guide for version 2, and its message sets for versions 0 and 1.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, Self

from kafka.record.default_records import DefaultRecord
from kafka.record.legacy_records import LegacyRecord

from consumer.kafka.fetch.byte_stream import ByteStream
from consumer.kafka.fetch.decompression import TooMuchError, unpacked
from consumer.processing.record import KEPT_BYTES, Cut
from schemas.strict_json import MAX_BYTES

MAX_RECORD: Final = MAX_BYTES + 1024 * 1024
"""The longest record that is held whole, in bytes: an event, with its key and headers."""

MAX_UNPACKED: Final = 512 * 1024 * 1024
"""The most that a batch may unpack to, in bytes; it bounds the time, as no more than a record of it is held.

JSON that compresses 60 to 1 fills it from a batch of 8 MiB.
"""

MAX_MESSAGE_SET: Final = 64 * 1024 * 1024
"""The most that a compressed message of the old formats may unpack to: its last offset is needed for its first."""

MAX_HEADERS: Final = 1_000
"""Headers of a record; each takes some hundred bytes as an object, and two at least in the batch."""

LOG_APPEND_TIME: Final = 1


class Unreadable(bytes):
    """Raw bytes in place of a record's value.

    Attributes:
        flaw: Why the record can't be read.
        cut: The whole of which these are the first bytes; None if they are the whole.
    """

    flaw: str
    cut: Cut | None

    def __new__(cls, data: bytes, flaw: str, cut: Cut | None = None) -> Self:
        """Bytes and what is wrong with them; too many are cut."""
        if cut is None and len(data) > MAX_BYTES:
            data, cut = data[:KEPT_BYTES], Cut.of(data)
        made = super().__new__(cls, data)
        made.flaw, made.cut = flaw, cut
        return made

    @property
    def length(self) -> int:
        """How many bytes there were."""
        return self.cut.length if self.cut else len(self)


class Times(NamedTuple):
    """What a batch says of its records' places and times.

    Attributes:
        offset: The first offset.
        last: The last offset.
        first_ms: The first timestamp, in milliseconds since 1970.
        all_ms: The timestamp of all records, if the broker set it.
        fallback_ms: The timestamp of a record that does not say one.
    """

    offset: int
    last: int
    first_ms: int
    all_ms: int | None
    fallback_ms: int


def current_records(batch: Any, data: memoryview, fallback_ms: int) -> Iterator[DefaultRecord]:
    """The records of a batch of version 2; one that can't be read has an `Unreadable` value.

    Args:
        batch: The library's batch, for its header.
        data: The batch's bytes behind its header.
        fallback_ms: The timestamp of a record that does not say one.

    Raises:
        Exception: The rest can't be told apart, such as what is damaged.
    """
    whole = batch.max_timestamp if batch.timestamp_type == LOG_APPEND_TIME else None
    times = Times(batch.base_offset, batch.last_offset, batch.first_timestamp, whole, fallback_ms)
    stream = ByteStream(unpacked(batch.compression_type, data), MAX_UNPACKED)
    expected = batch.base_offset
    for _ in range(batch.records_count):
        length = stream.number()
        if length > MAX_RECORD:
            record = _long(times, stream, length, expected)
        else:
            record = _short(times, stream.take(length), expected)
        yield record
        expected = record.offset + 1
    if not stream.ends():
        raise ValueError("bytes are left behind the last record")


def _short(times: Times, data: bytes, expected: int) -> DefaultRecord:
    try:
        return _record(times, data)
    except ValueError as error:
        return flawed(expected, times.fallback_ms, data, f"it is no record: {error}; the value is all of its bytes")


def _record(times: Times, data: bytes) -> DefaultRecord:
    """A record, behind its length.

    Raises:
        ValueError: It is none.
    """
    fields = ByteStream(iter((data,)), len(data))
    fields.skip(1)  # the attributes, of which there are none yet
    time_ms, offset = _place(times, fields)
    key, value = _sized(fields), _sized(fields)
    headers = _headers(fields)
    if left := len(data) - fields.position:
        raise ValueError(f"{left} bytes are left over")
    return _made(times, len(data), offset, time_ms, (key, value), headers)


def _long(times: Times, stream: ByteStream, length: int, expected: int) -> DefaultRecord:
    """A record that no event can be in: of its value, or if need be of all of it, the first bytes are kept."""
    end = stream.position + length
    stream.skip(1)
    time_ms, offset = _place(times, stream)
    size = stream.number()
    if size > KEPT_BYTES:
        return _cut_whole(times, stream, end, expected)
    key = stream.take(size) if size >= 0 else None
    size = stream.number()
    if not KEPT_BYTES < size <= end - stream.position:
        return _cut_whole(times, stream, end, expected)
    head, digest = stream.extract(size, KEPT_BYTES)
    stream.skip(end - stream.position)
    flaw = f"the value has {size} bytes; an event may have at most {MAX_BYTES}"
    return _made(times, length, offset, time_ms, (key, Unreadable(head, flaw, Cut(size, digest))), [])


def _cut_whole(times: Times, stream: ByteStream, end: int, expected: int) -> DefaultRecord:
    """The rest of a record whose value is not what makes it long."""
    left = end - stream.position
    head, digest = stream.extract(left, KEPT_BYTES)
    flaw = f"its key and headers have some {left} bytes; a record of an event may have at most {MAX_RECORD}"
    return DefaultRecord(left, expected, times.fallback_ms, 0, None, Unreadable(head, flaw, Cut(left, digest)), [])


def _place(times: Times, fields: ByteStream) -> tuple[int, int]:
    """Timestamp and offset of a record.

    Raises:
        ValueError: The offset is not one of its batch; a group that committed it would lose what is between.
    """
    time_ms, offset = times.first_ms + fields.number(), times.offset + fields.number()
    if not times.offset <= offset <= times.last:
        raise ValueError(f"it states the offset {offset}, in a batch of {times.offset} to {times.last}")
    return time_ms, offset


def _made(
    times: Times,
    size: int,
    offset: int,
    time_ms: int,
    content: tuple[bytes | None, bytes | None],
    headers: list[tuple[str, bytes | None]],
) -> DefaultRecord:
    told = time_ms if times.all_ms is None else times.all_ms
    return DefaultRecord(size, offset, told, 0 if times.all_ms is None else LOG_APPEND_TIME, *content, headers)


def _sized(fields: ByteStream) -> bytes | None:
    size = fields.number()
    return None if size < 0 else fields.take(size)


def _headers(fields: ByteStream) -> list[tuple[str, bytes | None]]:
    count = fields.number()
    if count == 0:
        return []
    if not 0 < count <= MAX_HEADERS:
        raise ValueError(f"{count} headers; at most {MAX_HEADERS} are taken")
    # A name that is no UTF-8 is spelled out, as it is written to the dead letters in UTF-8.
    return [((_sized(fields) or b"").decode("utf-8", "backslashreplace"), _sized(fields)) for _ in range(count)]


def flawed(offset: int, time_ms: int, data: bytes, flaw: str) -> DefaultRecord:
    """A record of raw bytes, and what is wrong with it."""
    return DefaultRecord(len(data), offset, time_ms, 0, None, Unreadable(data, flaw), [])


def legacy_records(batch: Any, data: memoryview, *, check: bool) -> Iterator[Any]:
    """The records of a message of version 0 or 1, which may hold a compressed set of messages.

    Args:
        batch: The library's batch.
        data: All of its bytes.
        check: Compare the checksum of each message in the set.

    Raises:
        Exception: They can't be told apart.
    """
    if not batch.compression_type:
        yield from batch
        return
    inner = memoryview(_message_set(batch, data))
    places = list_places(inner)
    last = -1
    for last, _, _ in places:  # noqa: B007 -- the last offset is what is wanted
        pass
    # Version 1 numbers the messages of a set from 0, and the set has the offset of its last one.
    base = batch.base_offset - last if batch.magic else 0
    time_ms = batch._timestamp if batch.timestamp_type == LOG_APPEND_TIME else None  # noqa: SLF001
    for offset, begin, end in list_places(inner):
        yield _message(batch, inner[begin:end], base + offset, time_ms, check=check)


def _message_set(batch: Any, data: memoryview) -> bytearray:
    at = batch.KEY_OFFSET_V1 if batch.magic else batch.KEY_OFFSET_V0
    fields = _MessageFields(data, at)
    fields.sized()
    value = fields.sized()
    if value is None:
        raise ValueError("a compressed message has no value")
    inner = bytearray()
    for chunk in unpacked(batch.compression_type, value):
        if len(inner) + len(chunk) > MAX_MESSAGE_SET:
            raise TooMuchError(f"it unpacks to more than {MAX_MESSAGE_SET} bytes")
        inner += chunk
    return inner


def list_places(inner: memoryview) -> Iterator[tuple[int, int, int]]:
    """Offset, begin and end of each message in a set.

    Raises:
        ValueError: A message does not end within the set.
    """
    at = 0
    while at < len(inner):
        if at + _OVERHEAD > len(inner):
            raise ValueError(f"{len(inner) - at} bytes are left behind the last message")
        offset, length = struct.unpack_from(">qi", inner, at)
        end = at + _OVERHEAD + length
        if length < _SHORTEST or end > len(inner):
            raise ValueError(f"a message states a length of {length} bytes")
        yield offset, at, end
        at = end


_OVERHEAD: Final = 12
_SHORTEST: Final = 14


def _message(batch: Any, data: memoryview, offset: int, all_ms: int | None, *, check: bool) -> Any:
    crc, magic, attributes = struct.unpack_from(">IBB", data, _OVERHEAD)
    content = data[_OVERHEAD + 4 :]
    if check and zlib.crc32(content) != crc:
        return flawed(offset, -1, bytes(data), "the message's checksum is wrong; the value is all of its bytes")
    if magic != batch.magic or attributes & batch.CODEC_MASK:
        raise ValueError("a set within a set, or messages of two versions")
    own_ms = struct.unpack_from(">q", data, _OVERHEAD + 6)[0] if magic else None
    fields = _MessageFields(data, batch.KEY_OFFSET_V1 if magic else batch.KEY_OFFSET_V0)
    key, value = fields.sized(), fields.sized()
    kept = None if value is None else _bounded(value)
    kind = batch.timestamp_type
    return LegacyRecord(
        magic,
        offset,
        own_ms if all_ms is None else all_ms,
        kind,
        None if key is None else bytes(key),
        kept,
        crc,
        content,
    )


def _bounded(value: memoryview) -> bytes:
    if len(value) <= MAX_BYTES:
        return bytes(value)
    flaw = f"the value has {len(value)} bytes; an event may have at most {MAX_BYTES}"
    return Unreadable(bytes(value[:KEPT_BYTES]), flaw, Cut(len(value), hashlib.sha256(value).hexdigest()))


class _MessageFields:
    """The fields of a message, each with its length in four bytes before it."""

    def __init__(self, data: memoryview, at: int) -> None:
        self._data = data
        self._at = at

    def sized(self) -> memoryview | None:
        (size,) = struct.unpack_from(">i", self._data, self._at)
        begin = self._at + 4
        if size < 0:
            self._at = begin
            return None
        if begin + size > len(self._data):
            raise ValueError(f"a field of {size} bytes is longer than the message")
        self._at = begin + size
        return self._data[begin : self._at]
