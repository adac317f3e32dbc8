"""Events in a file to which another process may still write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def written_events(file: Path) -> list[dict[str, Any]]:
    """Returns the events of the lines that are complete, in order; none of a file that is not there yet."""
    lines = file.read_text().splitlines(keepends=True) if file.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]
