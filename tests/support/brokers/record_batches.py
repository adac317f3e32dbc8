"""Batches of records as a broker keeps them, and what no good client would write into one."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.legacy_records import LegacyRecordBatchBuilder
from kafka.record.util import calc_crc32c

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}


class Latin1(str):
    """A header's name that the library writes in Latin-1, as clients in other languages may."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:  # noqa: ARG002 -- that is the point
        """Its bytes."""
        return super().encode("latin-1")


ODD = Latin1("Größe")


Fields = Sequence[tuple[str, bytes | None]]


def batch(
    values: Sequence[bytes],
    first: int = 0,
    codec: str = "none",
    odd: int | None = None,
    headers: Mapping[int, Fields] | None = None,
) -> bytes:
    """A batch.

    Args:
        values: Of its records; the key is the record's number in it.
        first: The offset of the first one.
        codec: How it is compressed.
        odd: The number of the record that has a header whose name is no UTF-8.
        headers: Of records, by their numbers.
    """
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=CODECS[codec],
        is_transactional=False,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=1 << 30,
    )
    for number, value in enumerate(values):
        own = [(ODD, b"1"), ("plain", None)] if number == odd else (headers or {}).get(number, ())
        builder.append(number, 1000 + number, b"%d" % number, value, list(own))
    # The broker says where it is; that is not part of what the checksum is of.
    return struct.pack(">q", first) + bytes(builder.build())[8:]


def with_payload(data: bytes, payload: bytes) -> bytes:
    """A batch with other bytes in place of its (compressed) records."""
    return resealed(data[:8] + struct.pack(">i", 61 - 12 + len(payload)) + data[12:61] + payload)


def resealed(data: bytes) -> bytes:
    """A batch whose checksum is made to fit its bytes."""
    return data[:17] + struct.pack(">I", calc_crc32c(memoryview(data)[21:])) + data[21:]


def message_set(values: Sequence[bytes], magic: int, codec: str = "none", first: int = 0) -> list[bytes]:
    """Messages of version 0 or 1, one by one, or compressed in one that has the last one's offset.

    Args:
        values: Of the messages.
        magic: The version.
        codec: How they are compressed.
        first: The offset of the first one.
    """
    builder = LegacyRecordBatchBuilder(magic=magic, compression_type=CODECS[codec], batch_size=1 << 30)
    for number, value in enumerate(values):
        # Version 0 keeps offsets as they are; version 1 numbers what is compressed.
        offset = number if magic and codec != "none" else first + number
        builder.append(offset, 1000 + number, None, value)
    data = bytes(builder.build())
    if codec != "none":
        return [struct.pack(">q", first + len(values) - 1) + data[8:]]
    found = []
    while data:
        end = 12 + struct.unpack_from(">i", data, 8)[0]
        found.append(data[:end])
        data = data[end:]
    return found
