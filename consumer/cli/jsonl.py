"""JSON lines in a file that the command line names, for what a command rejects."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import orjson

from consumer.errors import UsageError

Put = Callable[[Mapping[str, str | int]], None]
"""Writes a row."""


@contextmanager
def rows(option: str, path: Path | None) -> Iterator[Put]:
    """Takes rows for a file, which is opened at once, so that nothing is rejected in vain.

    Args:
        option: The flag that names the file.
        path: The file; None where there is none, and rows go nowhere.

    Raises:
        UsageError: The file can't be written.
    """
    if path is None:
        yield lambda _: None
        return
    try:
        # For the owner alone, as rejected records hold what the producers sent.
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
    except OSError as error:
        raise UsageError(f"{option} {path} can't be written: {error.strerror}; {_advice(path, error)}") from error

    def put(row: Mapping[str, str | int]) -> None:
        with _named(path):
            _write(file.write, row)

    try:
        yield put
    finally:
        with _named(path):
            file.close()


def _advice(path: Path, error: OSError) -> str:
    """Returns the next action where a file can't be opened."""
    if error.errno == errno.ENOENT:
        return f"create the folder {path.parent}, or name another file"
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return f"name a file in a folder that this user may write to, not {path.parent}"
    return "name another file"


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Adds the file's name to errors of writing, which have none."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _write(write: Callable[[bytes], int], row: Mapping[str, str | int]) -> None:
    valid = {key: valid_utf8(value) if isinstance(value, str) else value for key, value in row.items()}
    write(orjson.dumps(valid, option=orjson.OPT_APPEND_NEWLINE))


def valid_utf8(text: str) -> str:
    """Escapes lone surrogates of a text, as file names and keys of events may have them."""
    return text.encode("utf-8", "backslashreplace").decode()
