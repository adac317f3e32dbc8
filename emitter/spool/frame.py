"""The frame of a record in a segment: a head with lengths and checksum, then the key and the value as they are."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from emitter.record import Record

_MAGIC = b"HWev"
# Magic, CRC-32 of all that follows it, bytes of the key, bytes of the value, milliseconds since 1970.
_HEAD = struct.Struct("<4sIIIq")
_AFTER_CRC = 8


@dataclass(frozen=True, slots=True)
class Frame:
    """A record and its position in the data, in bytes; a record of None stands for damage."""

    record: Record | None
    start: int
    end: int


def encode(record: Record) -> bytes:
    """Returns the frame of a record; the topic is not in it, as a queue has one topic."""
    head = _HEAD.pack(_MAGIC, 0, len(record.key), len(record.value), record.timestamp_ms)
    body = b"%s%s%s" % (head[_AFTER_CRC:], record.key, record.value)
    return b"%s%s%s" % (_MAGIC, struct.pack("<I", zlib.crc32(body)), body)


def decode(data: bytes, topic: str) -> Iterator[Frame]:
    """Yields the frames of some data in order, and stops before a last one that is incomplete.

    Damage between frames is yielded as a frame without a record; only the damaged frames are lost.
    """
    position = 0
    while position < len(data):
        start = position
        frame = _frame(data, start, topic)
        while frame is None:
            # An incomplete frame at the end of the data is a write that has not returned, or never did. With a frame
            # behind it, it is damage.
            position = data.find(_MAGIC, position + 1)
            if position < 0:
                return
            frame = _frame(data, position, topic)
        if frame.start > start:
            yield Frame(None, start, frame.start)
        yield frame
        position = frame.end


def is_torn(rest: bytes) -> bool:
    """True if the bytes after the last frame are the beginning of a frame, or none, rather than damage."""
    if len(rest) < _HEAD.size:
        return _MAGIC.startswith(rest[: len(_MAGIC)])
    magic, _, key_size, value_size, _ = _HEAD.unpack_from(rest)
    return bool(magic == _MAGIC) and _HEAD.size + key_size + value_size > len(rest)


def _frame(data: bytes, start: int, topic: str) -> Frame | None:
    if len(data) - start < _HEAD.size or not data.startswith(_MAGIC, start):
        return None
    _, crc, key_size, value_size, timestamp_ms = _HEAD.unpack_from(data, start)
    key_at = start + _HEAD.size
    value_at = key_at + key_size
    end = value_at + value_size
    if end > len(data) or zlib.crc32(memoryview(data)[start + _AFTER_CRC : end]) != crc:
        return None
    return Frame(Record(topic, data[key_at:value_at], data[value_at:end], timestamp_ms), start, end)
