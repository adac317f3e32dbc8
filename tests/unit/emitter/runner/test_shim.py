"""Which engine is behind the console script `dbt`, by the files of its package."""

from pathlib import Path

import pytest

from emitter.runner.shim import is_v2

CORE = "import functools\nimport click\nfrom dbt.cli import requires\n"
V2 = "from dbt._core import run_cli as _run_cli\n"


@pytest.mark.parametrize(
    ("entry", "library", "expected"),
    [
        (V2, "_core.abi3.so", True),
        (V2, "_core.cpython-313-darwin.so", True),
        (CORE, None, False),
        (CORE, "_core.abi3.so", False),
        (V2, None, False),
        (None, "_core.abi3.so", False),
    ],
    ids=["v2", "v2 on macOS", "dbt-core", "dbt-core installed over v2", "no library", "no entry point"],
)
def test_the_engine_is_known_by_its_files(
    tmp_path: Path, entry: str | None, library: str | None, expected: object
) -> None:
    """Both engines use the package name `dbt`; the one whose entry point is there is the one that runs."""
    (tmp_path / "cli").mkdir()
    if entry is not None:
        (tmp_path / "cli" / "main.py").write_text(entry)
    if library is not None:
        (tmp_path / library).touch()
    assert is_v2(tmp_path) is expected
