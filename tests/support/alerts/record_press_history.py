"""Plays the history of the press on dbt, and records its events."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.support.alerts.press_history import History, record


def main() -> None:
    """Records the history."""
    with tempfile.TemporaryDirectory() as folder:
        record(History(Path(folder)).steps())


if __name__ == "__main__":
    main()
