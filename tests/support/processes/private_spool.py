"""A spool of each test's own, rather than the developer's."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def spool_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sets the spool's folder for the test and the processes that it starts."""
    monkeypatch.setenv("HEADWATER_SPOOL_DIR", str(tmp_path / "spool"))
    return tmp_path / "spool"
