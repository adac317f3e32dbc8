"""What a user installs: the wheel's packages, commands, data, and what each extra pulls in."""

from __future__ import annotations

import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes.installed_wheel import build_wheel

ROOT = Path(__file__).parents[3]
WEB = {"aiohttp", "fastapi", "flask", "starlette", "uvicorn", "django", "werkzeug"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from this tree."""
    return zipfile.ZipFile(build_wheel(tmp_path_factory.mktemp("wheel")))


def _file(wheel: zipfile.ZipFile, name: str) -> str:
    (path,) = [path for path in wheel.namelist() if path.endswith(f".dist-info/{name}")]
    return wheel.read(path).decode()


def test_top_level_names(wheel: zipfile.ZipFile) -> None:
    """The three packages and nothing else land in site-packages."""
    tops = {path.split("/")[0] for path in wheel.namelist()}
    packages = {top for top in tops if not top.endswith(".dist-info")}
    assert packages == {"emitter", "consumer", "schemas"}, "the wheel has other top-level names"


def test_commands(wheel: zipfile.ZipFile) -> None:
    """Both commands are there."""
    found = _file(wheel, "entry_points.txt")
    assert "headwater = consumer.cli.entry:main" in found
    assert "headwater-dbt = emitter.cli.main:main" in found


def test_data_files(wheel: zipfile.ZipFile) -> None:
    """Type markers and the demo's dbt project and recorded events are in the wheel."""
    names = set(wheel.namelist())
    assert {"emitter/py.typed", "consumer/py.typed", "schemas/py.typed"} <= names
    demo = [name for name in names if name.startswith("consumer/demo/")]
    assert any(name.endswith("dbt_project.yml") for name in demo), f"no dbt project among {demo}"
    assert any(".jsonl" in name for name in demo), f"no recorded events among {demo}"


def test_nothing_without_an_extra(wheel: zipfile.ZipFile) -> None:
    """Every dependency is behind an extra."""
    lines = [line for line in _file(wheel, "METADATA").splitlines() if line.startswith("Requires-Dist:")]
    assert lines
    bare = [line for line in lines if "extra ==" not in line]
    assert not bare, f"dependencies that everybody gets: {bare}"


def _closure(extra: str) -> set[str]:
    """All packages that the lock file gives to an extra."""
    packages: dict[str, list[dict[str, Any]]] = {}
    for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]:
        packages.setdefault(package["name"], []).append(package)
    own = packages["headwater"][0]["optional-dependencies"]
    waiting = [dependency["name"] for dependency in own[extra]]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            for package in packages[name]:
                waiting += [dependency["name"] for dependency in package.get("dependencies", [])]
    return found


def test_the_emitter_is_small() -> None:
    """What goes next to dbt pulls in neither the graph's driver nor a web framework nor pydantic."""
    found = _closure("emitter")
    assert "kafka-python" in found, "the lock file does not know the extra"
    assert not found & (WEB | {"gremlinpython", "pydantic", "pydantic-settings"}), "too much for a guest in dbt"
