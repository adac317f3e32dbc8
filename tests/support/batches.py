"""Batches of records as a broker keeps them, and what no good client would write into one."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.util import calc_crc32c

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3}


class Latin1(str):
    """A header's name that the library writes in Latin-1, as clients in other languages may."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:  # noqa: ARG002 -- that is the point
        """Its bytes."""
        return super().encode("latin-1")


ODD = Latin1("Größe")


def batch(values: Sequence[bytes], first: int = 0, codec: str = "none", odd: int | None = None) -> bytes:
    """A batch.

    Args:
        values: Of its records; the key is the record's number in it.
        first: The offset of the first one.
        codec: How it is compressed.
        odd: The number of the record that has a header whose name is no UTF-8.
    """
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=CODECS[codec],
        is_transactional=False,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=1_000_000,
    )
    for number, value in enumerate(values):
        headers = [(ODD, b"1"), ("plain", None)] if number == odd else []
        builder.append(number, 1000 + number, b"%d" % number, value, headers)
    # The broker says where it is; that is not part of what the checksum is of.
    return struct.pack(">q", first) + bytes(builder.build())[8:]


def resealed(data: bytes) -> bytes:
    """A batch whose checksum is made to fit its bytes."""
    return data[:17] + struct.pack(">I", calc_crc32c(memoryview(data)[21:])) + data[21:]
