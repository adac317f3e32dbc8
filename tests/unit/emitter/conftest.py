"""What all tests of the emitter need."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def spool_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A spool of the test's own, rather than the developer's."""
    monkeypatch.setenv("HEADWATER_SPOOL_DIR", str(tmp_path / "spool"))
    return tmp_path / "spool"
