"""The records of a batch, one at a time: no batch is decompressed whole, and no record beyond an event's size is held.

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
from consumer.kafka.fetch.decompression import DecompressedSizeError, decompress
from consumer.processing.record import TRUNCATED_BYTES, Truncation
from schemas.counted import counted
from schemas.strict_json import MAX_BYTES

MAX_RECORD: Final = MAX_BYTES + 1024 * 1024
"""Bytes of the longest record that is held whole: an event with its key and headers."""

MAX_UNPACKED: Final = 512 * 1024 * 1024
"""Bytes that a batch may decompress to; a bound on time, since at most one record of the batch is held.

JSON that compresses 60 to 1 reaches it from a batch of 8 MiB.
"""

MAX_MESSAGE_SET: Final = 64 * 1024 * 1024
"""Bytes that a compressed message of the old formats may decompress to: its first offset depends on its last."""

MAX_HEADERS: Final = 1_000
"""Headers of a record; each takes some hundred bytes as an object, and at least two in the batch."""

LOG_APPEND_TIME: Final = 1


class UnparsedValue(bytes):
    """Raw bytes in place of a record's value.

    Attributes:
        parse_error: The reason why the record can't be parsed.
        truncation: Length and hash of the whole value, if these are only its first bytes.
    """

    parse_error: str
    truncation: Truncation | None

    def __new__(cls, data: bytes, parse_error: str, truncation: Truncation | None = None) -> Self:
        """Returns bytes with the reason; a value beyond an event's size is truncated."""
        if truncation is None and len(data) > MAX_BYTES:
            data, truncation = data[:TRUNCATED_BYTES], Truncation.of(data)
        made = super().__new__(cls, data)
        made.parse_error, made.truncation = parse_error, truncation
        return made

    @property
    def length(self) -> int:
        """Number of bytes of the whole value."""
        return self.truncation.length if self.truncation else len(self)


class BatchBounds(NamedTuple):
    """Offsets and timestamps that a batch states for its records.

    Attributes:
        offset: The first offset.
        last: The last offset.
        first_ms: The first timestamp, in milliseconds since 1970.
        all_ms: The timestamp of all records, if the broker set it.
        fallback_ms: The timestamp of a record that states none.
    """

    offset: int
    last: int
    first_ms: int
    all_ms: int | None
    fallback_ms: int


def parse_records(batch: Any, data: memoryview, fallback_ms: int) -> Iterator[DefaultRecord]:
    """Yields the records of a batch of version 2; one that can't be parsed has an `UnparsedValue` value.

    Args:
        batch: The library's batch, for its header.
        data: The batch's bytes after its header.
        fallback_ms: The timestamp of a record that states none.

    Raises:
        Exception: The remaining records can't be separated, such as those of a damaged batch.
    """
    whole = batch.max_timestamp if batch.timestamp_type == LOG_APPEND_TIME else None
    bounds = BatchBounds(batch.base_offset, batch.last_offset, batch.first_timestamp, whole, fallback_ms)
    stream = ByteStream(decompress(batch.compression_type, data), MAX_UNPACKED)
    expected = batch.base_offset
    for _ in range(batch.records_count):
        length = stream.varint()
        if length > MAX_RECORD:
            record = _parse_long_record(bounds, stream, length, expected)
        else:
            record = _parse_or_keep_raw(bounds, stream.take(length), expected)
        yield record
        expected = record.offset + 1
    if not stream.at_end():
        raise ValueError("bytes are left after the last record")


def _parse_or_keep_raw(bounds: BatchBounds, data: bytes, expected: int) -> DefaultRecord:
    try:
        return _parse_record(bounds, data)
    except ValueError as error:
        return unparsed_record(
            expected, bounds.fallback_ms, data, f"it is not a valid record: {error}; the value has all of its bytes"
        )


def _parse_record(bounds: BatchBounds, data: bytes) -> DefaultRecord:
    """Parses a record after its length.

    Raises:
        ValueError: The bytes are not a record.
    """
    fields = ByteStream(iter((data,)), len(data))
    fields.skip(1)  # the attributes; none are defined yet
    time_ms, offset = _time_and_offset(bounds, fields)
    key, value = _sized_bytes(fields), _sized_bytes(fields)
    headers = _headers(fields)
    if left := len(data) - fields.position:
        raise ValueError(f"{counted(left, 'byte is', 'bytes are')} left over")
    return _build_record(bounds, len(data), offset, time_ms, (key, value), headers)


def _parse_long_record(bounds: BatchBounds, stream: ByteStream, length: int, expected: int) -> DefaultRecord:
    """Parses a record that is too long for an event, and keeps the first bytes of its value, or else of all of it."""
    end = stream.position + length
    stream.skip(1)
    time_ms, offset = _time_and_offset(bounds, stream)
    size = stream.varint()
    if size > TRUNCATED_BYTES:
        return _truncated_record(bounds, stream, end, expected)
    key = stream.take(size) if size >= 0 else None
    size = stream.varint()
    if not TRUNCATED_BYTES < size <= end - stream.position:
        return _truncated_record(bounds, stream, end, expected)
    head, digest = stream.extract(size, TRUNCATED_BYTES)
    stream.skip(end - stream.position)
    parse_error = f"the value has {size} bytes; an event may have at most {MAX_BYTES}"
    return _build_record(
        bounds, length, offset, time_ms, (key, UnparsedValue(head, parse_error, Truncation(size, digest))), []
    )


def _truncated_record(bounds: BatchBounds, stream: ByteStream, end: int, expected: int) -> DefaultRecord:
    """Returns the rest of a record that is long for another reason than its value."""
    left = end - stream.position
    head, digest = stream.extract(left, TRUNCATED_BYTES)
    parse_error = f"its key and headers have about {left} bytes; a record of an event may have at most {MAX_RECORD}"
    return DefaultRecord(
        left, expected, bounds.fallback_ms, 0, None, UnparsedValue(head, parse_error, Truncation(left, digest)), []
    )


def _time_and_offset(bounds: BatchBounds, fields: ByteStream) -> tuple[int, int]:
    """Returns timestamp and offset of a record.

    Raises:
        ValueError: The offset is outside the batch; a commit of it would skip records.
    """
    time_ms, offset = bounds.first_ms + fields.varint(), bounds.offset + fields.varint()
    if not bounds.offset <= offset <= bounds.last:
        raise ValueError(f"its offset is {offset}, in a batch of {bounds.offset} to {bounds.last}")
    return time_ms, offset


def _build_record(
    bounds: BatchBounds,
    size: int,
    offset: int,
    time_ms: int,
    content: tuple[bytes | None, bytes | None],
    headers: list[tuple[str, bytes | None]],
) -> DefaultRecord:
    timestamp_ms = time_ms if bounds.all_ms is None else bounds.all_ms
    return DefaultRecord(size, offset, timestamp_ms, 0 if bounds.all_ms is None else LOG_APPEND_TIME, *content, headers)


def _sized_bytes(fields: ByteStream) -> bytes | None:
    size = fields.varint()
    return None if size < 0 else fields.take(size)


def _headers(fields: ByteStream) -> list[tuple[str, bytes | None]]:
    count = fields.varint()
    if count == 0:
        return []
    if not 0 < count <= MAX_HEADERS:
        raise ValueError(f"{count} headers; at most {MAX_HEADERS} are allowed")
    # A name that is not UTF-8 is escaped, because dead letters are written in UTF-8.
    return [
        ((_sized_bytes(fields) or b"").decode("utf-8", "backslashreplace"), _sized_bytes(fields)) for _ in range(count)
    ]


def unparsed_record(offset: int, time_ms: int, data: bytes, parse_error: str) -> DefaultRecord:
    """Returns a record of raw bytes with the reason why it can't be parsed."""
    return DefaultRecord(len(data), offset, time_ms, 0, None, UnparsedValue(data, parse_error), [])


def parse_legacy_records(batch: Any, data: memoryview, *, check: bool) -> Iterator[Any]:
    """Yields the records of a message of version 0 or 1, which may hold a compressed set of messages.

    Args:
        batch: The library's batch.
        data: All of its bytes.
        check: Compare the checksum of each message in the set.

    Raises:
        Exception: The messages can't be separated.
    """
    if not batch.compression_type:
        yield from batch
        return
    inner = memoryview(_decompress_message_set(batch, data))
    places = message_bounds(inner)
    last = -1
    for last, _, _ in places:  # noqa: B007 -- only the last offset is needed
        pass
    # Version 1 numbers the messages of a set from 0, and the set has the offset of its last one.
    base = batch.base_offset - last if batch.magic else 0
    time_ms = batch._timestamp if batch.timestamp_type == LOG_APPEND_TIME else None  # noqa: SLF001
    for offset, begin, end in message_bounds(inner):
        yield _parse_message(batch, inner[begin:end], base + offset, time_ms, check=check)


def _decompress_message_set(batch: Any, data: memoryview) -> bytearray:
    at = batch.KEY_OFFSET_V1 if batch.magic else batch.KEY_OFFSET_V0
    fields = _MessageFields(data, at)
    fields.sized_bytes()
    value = fields.sized_bytes()
    if value is None:
        raise ValueError("a compressed message has no value")
    inner = bytearray()
    for chunk in decompress(batch.compression_type, value):
        if len(inner) + len(chunk) > MAX_MESSAGE_SET:
            raise DecompressedSizeError(f"the decompressed size exceeds {MAX_MESSAGE_SET} bytes")
        inner += chunk
    return inner


def message_bounds(inner: memoryview) -> Iterator[tuple[int, int, int]]:
    """Yields offset, begin and end of each message in a set.

    Raises:
        ValueError: A message does not end within the set.
    """
    at = 0
    while at < len(inner):
        if at + _OVERHEAD > len(inner):
            raise ValueError(f"{counted(len(inner) - at, 'byte is', 'bytes are')} left after the last message")
        offset, length = struct.unpack_from(">qi", inner, at)
        end = at + _OVERHEAD + length
        if length < _SHORTEST or end > len(inner):
            raise ValueError(f"a message states a length of {length} bytes")
        yield offset, at, end
        at = end


_OVERHEAD: Final = 12
_SHORTEST: Final = 14


def _parse_message(batch: Any, data: memoryview, offset: int, all_ms: int | None, *, check: bool) -> Any:
    crc, magic, attributes = struct.unpack_from(">IBB", data, _OVERHEAD)
    content = data[_OVERHEAD + 4 :]
    if check and zlib.crc32(content) != crc:
        return unparsed_record(
            offset, -1, bytes(data), "the message's checksum is wrong; the value has all of its bytes"
        )
    if magic != batch.magic or attributes & batch.CODEC_MASK:
        raise ValueError("a message set within a set, or messages of two versions")
    own_ms = struct.unpack_from(">q", data, _OVERHEAD + 6)[0] if magic else None
    fields = _MessageFields(data, batch.KEY_OFFSET_V1 if magic else batch.KEY_OFFSET_V0)
    key, value = fields.sized_bytes(), fields.sized_bytes()
    kept = None if value is None else _bounded_value(value)
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


def _bounded_value(value: memoryview) -> bytes:
    if len(value) <= MAX_BYTES:
        return bytes(value)
    parse_error = f"the value has {len(value)} bytes; an event may have at most {MAX_BYTES}"
    return UnparsedValue(
        bytes(value[:TRUNCATED_BYTES]), parse_error, Truncation(len(value), hashlib.sha256(value).hexdigest())
    )


class _MessageFields:
    """The fields of a message, each after its length in four bytes."""

    def __init__(self, data: memoryview, at: int) -> None:
        self._data = data
        self._index = at

    def sized_bytes(self) -> memoryview | None:
        (size,) = struct.unpack_from(">i", self._data, self._index)
        begin = self._index + 4
        if size < 0:
            self._index = begin
            return None
        if begin + size > len(self._data):
            raise ValueError(f"a field of {size} bytes is longer than the message")
        self._index = begin + size
        return self._data[begin : self._index]
