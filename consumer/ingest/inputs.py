"""Inputs of an ingest: files, standard input and S3 objects, plain or compressed with gzip."""

from __future__ import annotations

import gzip
import io
import select
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from consumer.errors import HeadwaterError, NotFound, TransientError, UsageError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

STDIN = "-"
S3 = "s3://"
GZIP = b"\x1f\x8b"
BUFFER = 1 << 20
"""Size of a read in bytes."""

Advance = Callable[[int], None]
"""Receives the number of bytes of each read."""

IsReady = Callable[[float], bool]
"""Waits for up to a number of seconds; returns True once an input has bytes to read, or is at its end."""

BeforeRead = Callable[[IsReady], None]
"""Called before each read of an input that may have nothing to read for long, such as a pipe."""


class UnreadableError(HeadwaterError):
    """The rest of an input can't be read, for example in a damaged gzip file."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input to read.

    Attributes:
        name: Path, address, or `-` for standard input.
        raw: Opens the input without decompressing it.
    """

    name: str
    raw: Callable[[], AbstractContextManager[BinaryIO]]

    @contextmanager
    def open(self, advance: Advance = lambda _: None, before_read: BeforeRead = lambda _: None) -> Iterator[BinaryIO]:
        """Yields the input's bytes; decompresses gzip by its magic number, regardless of the name.

        Args:
            advance: Receives the number of bytes of each read.
            before_read: Called before each read of standard input, if the system can wait for it.

        Raises:
            UnreadableError: The gzip data is truncated or damaged.
            TransientError: The storage is unavailable.
        """
        with _translate_errors(self.name), self.raw() as raw:
            is_ready = _readiness(raw) if self.name == STDIN else None
            wait = (lambda: None) if is_ready is None else partial(before_read, is_ready)
            stream = io.BufferedReader(_CountingStream(raw, advance, wait), BUFFER)
            zipped = stream.peek(len(GZIP)).startswith(GZIP)
            yield cast("BinaryIO", io.BufferedReader(gzip.GzipFile(fileobj=stream), BUFFER) if zipped else stream)


def find(names: Sequence[str]) -> Iterator[Input]:
    """Yields the named inputs in order; S3 objects are listed while they are read.

    Raises:
        UsageError: A file does not exist, or standard input is closed; checked for all files before the first read.
        NotFound: An S3 prefix has no objects.
    """
    for name in names:
        if name == STDIN and sys.stdin is None:
            raise UsageError("standard input is closed; name a file, or connect standard input")
        if name != STDIN and not name.startswith(S3):
            _require_file(Path(name))
    return (source for name in names for source in _inputs_of(name))


def total_bytes(names: Sequence[str]) -> int | None:
    """Returns the total size in bytes; None if standard input or S3 is among the inputs."""
    if any(name == STDIN or name.startswith(S3) for name in names):
        return None
    return sum(Path(name).stat().st_size for name in names)


def _inputs_of(name: str) -> Iterator[Input]:
    if name == STDIN:
        # Without its buffer, which waits until it is full: a pipe has what was written to it so far.
        yield Input(name, lambda: nullcontext(getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)))
    elif name.startswith(S3):
        yield from _objects(name)
    else:
        yield Input(name, lambda: cast("BinaryIO", Path(name).open("rb", buffering=0)))  # noqa: SIM115 -- `Input` closes it


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name its files, such as {path}/*.jsonl")
    if not path.exists():
        raise UsageError(f"{path} does not exist; check the path")


def _objects(address: str) -> Iterator[Input]:
    """Yields the object whose key is the prefix, else all objects with that prefix, in the order of their keys."""
    import boto3  # noqa: PLC0415 -- a quarter of a second that only S3 costs

    bucket, _, prefix = address.removeprefix(S3).partition("/")
    if not bucket:
        raise UsageError(f"{address} has no bucket; write s3://BUCKET/PREFIX")
    with _translate_errors(address):
        client = boto3.client("s3")
        keys = _keys(client, bucket, prefix)
        first = next(keys, None)
    if first is None:
        raise NotFound(f"no objects below {address}; check the bucket and the prefix")
    yield _object(client, bucket, first)
    if first != prefix:
        with _translate_errors(address):
            for key in keys:
                yield _object(client, bucket, key)


def _keys(client: S3Client, bucket: str, prefix: str) -> Iterator[str]:
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from (entry["Key"] for entry in page.get("Contents", ()) if not entry["Key"].endswith("/"))


def _object(client: S3Client, bucket: str, key: str) -> Input:
    return Input(f"{S3}{bucket}/{key}", lambda: cast("Any", client.get_object(Bucket=bucket, Key=key)["Body"]))


@contextmanager
def _translate_errors(name: str) -> Iterator[None]:
    """Translates errors of libraries and the operating system into this project's errors."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableError(f"the rest of the gzip data is damaged ({error})") from error
    except OSError as error:
        raise HeadwaterError(f"reading {name} failed: {error.strerror or error}") from error
    except Exception as error:
        translated = _translate_aws_error(name, error)
        if translated is None:
            raise
        raise translated from error


def _translate_aws_error(name: str, error: Exception) -> HeadwaterError | None:
    if not type(error).__module__.startswith("botocore."):
        return None  # without importing boto3
    from botocore.exceptions import ClientError, HTTPClientError  # noqa: PLC0415 -- imported already, as S3 is in use

    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        kind = TransientError if status >= 500 or status == 429 else UsageError  # noqa: PLR2004 -- HTTP's own numbers
        return kind(f"reading {name} failed: {error}")
    if isinstance(error, HTTPClientError):
        return TransientError(f"reading {name} failed: {error}; run the command again, no event counts twice")
    return UsageError(f"reading {name} failed: {error}; set region and credentials in AWS_... or ~/.aws")


def _readiness(raw: BinaryIO) -> IsReady | None:
    """Returns what waits for bytes of a stream; None for one without a file descriptor."""
    try:
        descriptor = raw.fileno()
    except (AttributeError, OSError):
        return None
    return lambda timeout_s: bool(select.select([descriptor], [], [], timeout_s)[0])


class _CountingStream(io.RawIOBase):
    """A raw stream that reports the number of bytes of each read.

    Args:
        raw: Stream to read.
        advance: Receives the number of bytes of each read.
        wait: Called before each read.
    """

    def __init__(self, raw: BinaryIO, advance: Advance, wait: Callable[[], None]) -> None:
        self._raw = raw
        self._advance = advance
        self._wait = wait

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._wait()
        data = self._raw.read(len(buffer))
        buffer[: len(data)] = data
        self._advance(len(data))
        return len(data)
