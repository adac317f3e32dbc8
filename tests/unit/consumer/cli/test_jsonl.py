"""The file that takes what a command rejects."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from consumer.cli.jsonl import rows
from consumer.errors import UsageError


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    """Rejected records may hold what others must not see."""
    path = tmp_path / "rejected.jsonl"
    with rows("--dead-letters", path) as put:
        put({"reason": "x"})
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ('{"reason":"x"}\n', 0o600)


def refusal(path: Path) -> str:
    """Returns the error of a file that can't be opened."""
    with pytest.raises(UsageError) as caught, rows("--dead-letters", path):
        pass
    return str(caught.value)


def test_a_file_that_is_not_writable_is_explained(tmp_path: Path) -> None:
    """The message names the option, the path, the cause and the next action."""
    path = tmp_path / "none" / "rejected.jsonl"
    cause = f"--dead-letters {path} can't be written: No such file or directory"
    assert refusal(path) == f"{cause}; create the folder {path.parent}, or name another file"
    assert refusal(tmp_path) == f"--dead-letters {tmp_path} can't be written: Is a directory; name another file"
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "rejected.jsonl"
    assert refusal(path) == f"--dead-letters {path} can't be written: Not a directory; name another file"
