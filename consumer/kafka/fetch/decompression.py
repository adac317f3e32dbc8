"""Decompression of record batches in chunks, so that the decompressed size is bounded.

The client library's codecs return a whole batch at once: 5 KB of zstd may be 150 MB. This module reads gzip, lz4 and
zstd as streams. Snappy is not a stream format, but each block states its length, and too long a block is rejected.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator
from typing import Final

import snappy
import zstandard
from lz4.frame import LZ4FrameFile

CHUNK: Final = 256 * 1024
"""Bytes that are decompressed at a time."""

MAX_BLOCK: Final = 64 * 1024 * 1024
"""Bytes of the largest decompressed Snappy block; librdkafka writes a whole batch as one block."""

_XERIAL_MAGIC: Final = b"\x82SNAPPY\x00"
_XERIAL_HEADER: Final = 16

Chunks = Iterator[bytes]


class DecompressedSizeError(ValueError):
    """The decompressed size is above the limit."""


def decompress(codec: int, data: memoryview) -> Chunks:
    """Returns the decompressed bytes in chunks of at most `CHUNK` bytes, or of one Snappy block.

    Args:
        codec: Kafka's number of the codec, as in the attributes of a batch; 0 is none.
        data: The compressed bytes.

    Raises:
        ValueError: The codec is unknown, or the decompressed size is above the limit.
        Exception: The data is damaged; each codec raises errors of its own.
    """
    reader = _READERS.get(codec)
    if reader is None:
        raise ValueError(f"codec {codec} is unknown")
    return reader(data)


def _plain(data: memoryview) -> Chunks:
    yield bytes(data)


def _gzip(data: memoryview) -> Chunks:
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        yield from iter(lambda: file.read(CHUNK), b"")


def _lz4(data: memoryview) -> Chunks:
    with LZ4FrameFile(io.BytesIO(data)) as file:
        yield from iter(lambda: file.read(CHUNK), b"")


def _zstd(data: memoryview) -> Chunks:
    with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as file:
        yield from iter(lambda: file.read(CHUNK), b"")


def _snappy(data: memoryview) -> Chunks:
    if bytes(data[: len(_XERIAL_MAGIC)]) != _XERIAL_MAGIC or len(data) <= _XERIAL_HEADER:
        yield _snappy_block(data)
        return
    at = _XERIAL_HEADER
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        at += 4
        if not 0 < size <= len(data) - at:
            raise ValueError(f"a Snappy block states a length of {size} bytes; {len(data) - at} are left")
        yield _snappy_block(data[at : at + size])
        at += size


def _snappy_block(data: memoryview) -> bytes:
    if (states := _stated_length(data)) > MAX_BLOCK:
        raise DecompressedSizeError(f"a Snappy block decompresses to {states} bytes; at most {MAX_BLOCK} are allowed")
    return bytes(snappy.uncompress(bytes(data)))


def _stated_length(data: memoryview) -> int:
    """Returns a block's stated length: a little-endian varint ("Snappy compressed format description", section 1)."""
    length = 0
    for index, byte in enumerate(data[:5]):
        length |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:  # noqa: PLR2004 -- the bit that marks a following byte
            return length
    raise ValueError("a Snappy block does not state its length")


_READERS: Final[dict[int, Callable[[memoryview], Chunks]]] = {0: _plain, 1: _gzip, 2: _snappy, 3: _lz4, 4: _zstd}
