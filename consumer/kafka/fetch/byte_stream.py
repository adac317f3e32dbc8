"""A stream of byte chunks, read field by field; skipped bytes are not held in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from kafka.record.util import decode_varint

from consumer.kafka.fetch.decompression import Chunks, DecompressedSizeError

_LONGEST_VARINT = 10


class ByteStream:
    """A cursor over chunks.

    Args:
        chunks: The bytes.
        max_bytes: Bytes that the chunks may have in total.
    """

    def __init__(self, chunks: Chunks, max_bytes: int) -> None:
        self._chunks = chunks
        self._max_bytes = max_bytes
        self._chunk = b""
        self._index = 0
        self._before = 0

    @property
    def position(self) -> int:
        """Number of bytes read."""
        return self._before + self._index

    def take(self, size: int) -> bytes:
        """Returns the next `size` bytes.

        Raises:
            ValueError: The stream has fewer bytes, or more than the limit in total.
        """
        # Nearly all fields are within one chunk; a generator for each would cost as much as the rest of the parsing.
        end = self._index + size
        if size >= 0 and end <= len(self._chunk):
            data = self._chunk[self._index : end]
            self._index = end
            return data
        return b"".join(self._parts(size))

    def varint(self) -> int:
        """Returns the next signed varint.

        Raises:
            ValueError: The stream has none.
        """
        try:
            number, self._index = decode_varint(self._chunk, self._index)
        except IndexError:
            # The chunk ends within the varint, and nothing of it has been taken.
            return self._split_varint()
        return int(number)

    def extract(self, size: int, kept: int) -> tuple[bytes, str]:
        """Skips `size` bytes; returns the first `kept` of them, and the SHA-256 of all in hexadecimal digits.

        Raises:
            ValueError: The stream has fewer bytes, or more than the limit in total.
        """
        head, digest = bytearray(), hashlib.sha256()
        for part in self._parts(size):
            head += part[: kept - len(head)]
            digest.update(part)
        return bytes(head), digest.hexdigest()

    def skip(self, size: int) -> None:
        """Skips `size` bytes.

        Raises:
            ValueError: The stream has fewer bytes, or more than the limit in total.
        """
        for _ in self._parts(size):
            pass

    def at_end(self) -> bool:
        """True if no byte is left."""
        while self._index >= len(self._chunk):
            if not self._next():
                return True
        return False

    def _parts(self, size: int) -> Iterator[bytes]:
        if size < 0:
            raise ValueError(f"a stated length is {size} bytes")
        while size > 0:
            if self.at_end():
                raise ValueError(f"the data ends {size} bytes too early")
            part = self._chunk[self._index : self._index + size]
            self._index += len(part)
            size -= len(part)
            yield part

    def _split_varint(self) -> int:
        """Returns a varint of which the chunk has only the first bytes."""
        digits = bytearray()
        while not digits or (digits[-1] & 0x80 and len(digits) < _LONGEST_VARINT):
            digits += self.take(1)
        return int(decode_varint(digits)[0])

    def _next(self) -> bool:
        chunk = next(self._chunks, None)
        if chunk is None:
            return False
        # Checked chunk by chunk: a small batch can decompress to more than fits in memory.
        self._before += len(self._chunk)
        self._chunk, self._index = chunk, 0
        if self._before + len(chunk) > self._max_bytes:
            raise DecompressedSizeError(f"the decompressed size exceeds {self._max_bytes} bytes")
        return True
