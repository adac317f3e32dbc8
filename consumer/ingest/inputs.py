"""Where events are read from: files, standard input, objects in S3; plain or compressed with gzip."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from consumer.errors import HeadwaterError, NothingThere, TransientError, UsageError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

STDIN = "-"
S3 = "s3://"
GZIP = b"\x1f\x8b"
BUFFER = 1 << 20
"""Bytes that are asked for at once."""

Advance = Callable[[int], None]
"""Told how many bytes were read."""


class UnreadableError(HeadwaterError):
    """The rest of an input can't be read, such as that of a damaged gzip file."""


@dataclass(frozen=True, slots=True)
class Input:
    """One thing to read.

    Attributes:
        name: As a person would name it: a path, an address, `-`.
        raw: Opens it; not decompressed.
    """

    name: str
    raw: Callable[[], AbstractContextManager[BinaryIO]]

    @contextmanager
    def open(self, advance: Advance = lambda _: None) -> Iterator[BinaryIO]:
        """Yields its bytes, decompressed where they are gzip, whatever the name says.

        Raises:
            UnreadableError: The bytes end too early, or are no good gzip.
            TransientError: Its storage does not serve now.
        """
        with _explained(self.name), self.raw() as raw:
            stream = io.BufferedReader(_Counted(raw, advance), BUFFER)
            zipped = stream.peek(len(GZIP)).startswith(GZIP)
            yield cast("BinaryIO", io.BufferedReader(gzip.GzipFile(fileobj=stream), BUFFER) if zipped else stream)


def find(names: Sequence[str]) -> Iterator[Input]:
    """What is named, in this order; S3 is asked for its objects while they are read.

    Raises:
        UsageError: A file is not there, or no object is; the files are looked at before anything is read.
    """
    for name in names:
        if name != STDIN and not name.startswith(S3):
            _require_file(Path(name))
    return (found for name in names for found in _find(name))


def total(names: Sequence[str]) -> int | None:
    """Returns the bytes of all, or None where that is not known beforehand."""
    if any(name == STDIN or name.startswith(S3) for name in names):
        return None
    return sum(Path(name).stat().st_size for name in names)


def _find(name: str) -> Iterator[Input]:
    if name == STDIN:
        yield Input(name, lambda: nullcontext(sys.stdin.buffer))
    elif name.startswith(S3):
        yield from _objects(name)
    else:
        yield Input(name, lambda: cast("BinaryIO", Path(name).open("rb", buffering=0)))  # noqa: SIM115 -- `Input` closes it


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name the files in it, such as {path}/*.jsonl")
    if not path.exists():
        raise UsageError(f"there is no file {path}")


def _objects(address: str) -> Iterator[Input]:
    """Yields one object if the prefix is its whole key, else all whose keys begin so, in the order of their keys."""
    import boto3  # noqa: PLC0415 -- a quarter of a second that only S3 costs

    bucket, _, prefix = address.removeprefix(S3).partition("/")
    if not bucket:
        raise UsageError(f"{address} names no bucket; an address looks like s3://bucket/prefix")
    with _explained(address):
        client = boto3.client("s3")
        keys = _keys(client, bucket, prefix)
        first = next(keys, None)
    if first is None:
        raise NothingThere(f"there is no object below {address}")
    yield _object(client, bucket, first)
    if first != prefix:
        with _explained(address):
            for key in keys:
                yield _object(client, bucket, key)


def _keys(client: S3Client, bucket: str, prefix: str) -> Iterator[str]:
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from (entry["Key"] for entry in page.get("Contents", ()) if not entry["Key"].endswith("/"))


def _object(client: S3Client, bucket: str, key: str) -> Input:
    return Input(f"{S3}{bucket}/{key}", lambda: cast("Any", client.get_object(Bucket=bucket, Key=key)["Body"]))


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turns what libraries and the system raise into this project's errors."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableError(f"the rest is no good gzip ({error})") from error
    except OSError as error:
        raise HeadwaterError(f"{name} can't be read: {error.strerror or error}") from error
    except Exception as error:
        if (meaning := _aws_meaning(name, error)) is None:
            raise
        raise meaning from error


def _aws_meaning(name: str, error: Exception) -> HeadwaterError | None:
    if not type(error).__module__.startswith("botocore."):
        return None  # not so much as loads boto3
    from botocore.exceptions import ClientError, HTTPClientError  # noqa: PLC0415 -- S3 is in use, it is loaded

    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        kind = TransientError if status >= 500 or status == 429 else UsageError  # noqa: PLR2004 -- HTTP's own numbers
        return kind(f"{name} can't be read: {error}")
    if isinstance(error, HTTPClientError):
        return TransientError(f"{name} can't be read now: {error}; what is in the graph already can be sent again")
    return UsageError(f"{name} can't be read: {error}; boto3 looks for region and credentials in AWS_... and ~/.aws")


class _Counted(io.RawIOBase):
    """Tells how much is read, as it is read."""

    def __init__(self, raw: BinaryIO, advance: Advance) -> None:
        self._raw = raw
        self._advance = advance

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._raw.read(len(buffer))
        buffer[: len(data)] = data
        self._advance(len(data))
        return len(data)
