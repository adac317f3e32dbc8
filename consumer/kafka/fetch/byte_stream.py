"""Bytes that come in chunks, read field by field; what is not wanted is passed over without being held."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from kafka.record.util import decode_varint

from consumer.kafka.fetch.decompression import Chunks, TooMuchError

_LONGEST_VARINT = 10


class ByteStream:
    """A cursor over chunks.

    Args:
        chunks: The bytes.
        most: How many bytes may come in all.
    """

    def __init__(self, chunks: Chunks, most: int) -> None:
        self._chunks = chunks
        self._most = most
        self._chunk = b""
        self._at = 0
        self._before = 0

    @property
    def position(self) -> int:
        """How many bytes were read."""
        return self._before + self._at

    def take(self, size: int) -> bytes:
        """The next `size` bytes.

        Raises:
            ValueError: There are fewer, or more came in all than may.
        """
        end = self._at + size
        if size >= 0 and end <= len(self._chunk):
            data = self._chunk[self._at : end]
            self._at = end
            return data
        return b"".join(self._parts(size))

    def number(self) -> int:
        """The next signed varint.

        Raises:
            ValueError: There is none.
        """
        try:
            number, self._at = decode_varint(self._chunk, self._at)
        except IndexError:
            return self._split_number()
        return int(number)

    def extract(self, size: int, kept: int) -> tuple[bytes, str]:
        """Passes over `size` bytes; returns the first `kept` of them, and the SHA-256 of all in hexadecimal digits.

        Raises:
            ValueError: There are fewer, or more came in all than may.
        """
        head, digest = bytearray(), hashlib.sha256()
        for part in self._parts(size):
            head += part[: kept - len(head)]
            digest.update(part)
        return bytes(head), digest.hexdigest()

    def skip(self, size: int) -> None:
        """Passes over `size` bytes.

        Raises:
            ValueError: There are fewer, or more came in all than may.
        """
        for _ in self._parts(size):
            pass

    def ends(self) -> bool:
        """True if no byte is left."""
        while self._at >= len(self._chunk):
            if not self._next():
                return True
        return False

    def _parts(self, size: int) -> Iterator[bytes]:
        if size < 0:
            raise ValueError(f"a length of {size} bytes is stated")
        while size > 0:
            if self.ends():
                raise ValueError(f"the data ends {size} bytes too early")
            part = self._chunk[self._at : self._at + size]
            self._at += len(part)
            size -= len(part)
            yield part

    def _split_number(self) -> int:
        """A varint of which the chunk has the first bytes only."""
        digits = bytearray()
        while not digits or (digits[-1] & 0x80 and len(digits) < _LONGEST_VARINT):
            digits += self.take(1)
        return int(decode_varint(digits)[0])

    def _next(self) -> bool:
        chunk = next(self._chunks, None)
        if chunk is None:
            return False
        self._before += len(self._chunk)
        self._chunk, self._at = chunk, 0
        if self._before + len(chunk) > self._most:
            raise TooMuchError(f"it unpacks to more than {self._most} bytes")
        return True
