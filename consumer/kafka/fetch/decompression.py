"""Decompression of record batches in chunks, so that what a batch unpacks to is bounded while it is unpacked.

The client library's codecs return a whole batch at once: 5 KB of zstd may be 150 MB. Here gzip, lz4 and zstd are read
as streams. Snappy is none, but a block states its length beforehand, and a block that states too much is refused.
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
"""The largest block of Snappy that is unpacked, in bytes; librdkafka writes a whole batch as one block."""

_XERIAL_MAGIC: Final = b"\x82SNAPPY\x00"
_XERIAL_HEADER: Final = 16

Chunks = Iterator[bytes]


class TooMuchError(ValueError):
    """Something unpacks to more than is taken."""


def unpacked(codec: int, data: memoryview) -> Chunks:
    """The decompressed bytes, chunk by chunk; of at most `CHUNK` bytes each, or one block of Snappy.

    Args:
        codec: Kafka's number of the codec, as in the attributes of a batch; 0 is none.
        data: The compressed bytes.

    Raises:
        ValueError: The codec is not known, or what is unpacked is too much.
        Exception: The data is damaged; each codec has errors of its own.
    """
    reader = _READERS.get(codec)
    if reader is None:
        raise ValueError(f"codec {codec} is not known")
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
        yield _block(data)
        return
    at = _XERIAL_HEADER
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        at += 4
        if not 0 < size <= len(data) - at:
            raise ValueError(f"a block of Snappy states a length of {size} bytes; {len(data) - at} are left")
        yield _block(data[at : at + size])
        at += size


def _block(data: memoryview) -> bytes:
    if (states := _stated(data)) > MAX_BLOCK:
        raise TooMuchError(f"a block of Snappy unpacks to {states} bytes; at most {MAX_BLOCK} are taken")
    return bytes(snappy.uncompress(bytes(data)))


def _stated(data: memoryview) -> int:
    """The length in front of a block: a little-endian varint ("Snappy compressed format description", section 1)."""
    length = 0
    for place, byte in enumerate(data[:5]):
        length |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:  # noqa: PLR2004 -- the bit that says that another byte follows
            return length
    raise ValueError("a block of Snappy does not state its length")


_READERS: Final[dict[int, Callable[[memoryview], Chunks]]] = {0: _plain, 1: _gzip, 2: _snappy, 3: _lz4, 4: _zstd}
