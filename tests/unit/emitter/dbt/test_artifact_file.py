"""Artifacts that dbt is still writing, whatever the clock says."""

import json
import threading
import time
from pathlib import Path

import pytest

from emitter.dbt.artifact_file import read_when_stable
from emitter.errors import ArtifactError

YEAR_S = 365 * 86_400.0


@pytest.mark.parametrize("jump_s", [0.0, YEAR_S, -YEAR_S], ids=["right", "jumped forward", "went back"])
def test_a_file_that_is_written_is_waited_for(jump_s: float, tmp_path: Path) -> None:
    """A machine that slept while dbt wrote its manifest has a file that looks old; the rest of it is read too."""
    path = tmp_path / "manifest.json"
    whole: dict[str, object] = {"nodes": {}}
    path.write_text(json.dumps(whole)[:-1], encoding="utf-8")
    writer = threading.Timer(0.2, lambda: path.write_text(json.dumps(whole), encoding="utf-8"))
    writer.start()
    try:
        assert read_when_stable(path, lambda: time.time() + jump_s) == whole
    finally:
        writer.join()


def test_a_file_that_was_broken_long_ago_is_given_up(tmp_path: Path) -> None:
    """It is watched for a moment, as the clock may have jumped, and no longer."""
    path = tmp_path / "manifest.json"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ArtifactError, match="run dbt again"):
        read_when_stable(path, lambda: time.time() + YEAR_S)
