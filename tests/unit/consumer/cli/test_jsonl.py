"""The file that takes what a command rejects."""

from __future__ import annotations

import stat
from pathlib import Path

from consumer.cli.jsonl import rows


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    """Rejected records may hold what others must not see."""
    path = tmp_path / "rejected.jsonl"
    with rows("--dead-letters", path) as put:
        put({"reason": "x"})
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ('{"reason":"x"}\n', 0o600)
