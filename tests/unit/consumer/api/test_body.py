"""Bodies of requests: bounded before and after decompression."""

from __future__ import annotations

import gzip
import random
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from consumer.api.body import decompressed
from consumer.api.problems import Problem

LIMIT = 100_000


def packed(data: bytes, encoding: str) -> bytes:
    """A body in an encoding."""
    return gzip.compress(data) if encoding == "gzip" else zstandard.compress(data)


@given(st.binary(max_size=2_000))
def test_what_was_compressed_comes_back(data: bytes) -> None:
    """In each encoding that is taken, and without one."""
    assert decompressed(data, "", LIMIT) == data
    assert decompressed(gzip.compress(data), "GZIP", LIMIT) == data
    assert decompressed(zstandard.compress(data), "zstd", LIMIT) == data


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize("size", [1, 400, 20_000])
def test_several_members_are_one_body(encoding: str, size: int) -> None:
    """Both formats may be joined end to end; a member that was ignored would be an event lost behind a 2xx."""
    parts = [random.Random(at).randbytes(size) for at in range(3)]
    assert decompressed(b"".join(packed(part, encoding) for part in parts), encoding, LIMIT) == b"".join(parts)
    for rest in (b"garbage", packed(parts[0], encoding)[:-1]):
        with pytest.raises(Problem) as refused:
            decompressed(packed(parts[0], encoding) + rest, encoding, LIMIT)
        assert refused.value.status == 400


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_bomb_is_413(encoding: str) -> None:
    """What expands beyond the limit is refused, and not expanded."""
    with pytest.raises(Problem) as refused:
        decompressed(packed(bytes(50_000_000), encoding), encoding, LIMIT)
    assert refused.value.status == 413


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_damage_is_400(encoding: str) -> None:
    """Neither garbage nor a body that is cut off passes."""
    whole = packed(random.Random(0).randbytes(5_000), encoding)
    for broken in (b"garbage", whole[: len(whole) // 2], whole[:-1]):
        with pytest.raises(Problem) as refused:
            decompressed(broken, encoding, LIMIT)
        assert refused.value.status == 400, broken


def test_an_unknown_encoding_is_415() -> None:
    """The answer names those that are taken."""
    with pytest.raises(Problem, match="send gzip, zstd or none") as refused:
        decompressed(zlib.compress(b"x"), "br", LIMIT)
    assert refused.value.status == 415
