"""Column lineage from one run to the next: taken over where nothing changed, and only there."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from emitter.refine import Refiner
from emitter.refine.refine_options import RefineOptions
from tests.support.dbt.refinement_inputs import manifest, node

RAW = "source.p.shop.raw"


def project(columns: str = "a b", sql: str = "select * from dev.shop.raw") -> dict[str, Any]:
    """A source, a model on it, and a model on that."""
    above = node("model.p.m", RAW, sql=sql)
    return manifest(node(RAW, columns=columns), above, node("model.p.n", "model.p.m", sql="select m.* from dev.shop.m"))


def lineage(document: dict[str, Any], cache: Path) -> list[str]:
    """The columns of the last model, computed with a cache and kept there."""
    refiner = Refiner(document, options=RefineOptions(cache=cache))
    found = refiner.lineage("model.p.n")
    refiner.save()
    assert found is not None, "the model has no lineage"
    return list(found.columns)


@pytest.mark.parametrize(
    "changed",
    [project("a c"), project("a b c"), project(sql="select a as c from dev.shop.raw")],
    ids=["other", "more", "sql"],
)
def test_a_change_above_is_seen(changed: dict[str, Any], tmp_path: Path) -> None:
    """A source with other columns or a parent with other SQL gives what no cache would give."""
    lineage(project(), tmp_path / "cache")
    assert lineage(changed, tmp_path / "cache") == lineage(changed, tmp_path / "none")


def test_nothing_changed_needs_no_parser(tmp_path: Path) -> None:
    """A second run does not even load sqlglot, and finds the same."""
    manifest_file, cache = tmp_path / "manifest.json", tmp_path / "cache"
    manifest_file.write_text(json.dumps(project()))
    before = lineage(project(), cache)
    program = """
import json, pathlib, sys
from emitter.refine import RefineOptions, Refiner
document, cache = json.loads(pathlib.Path(sys.argv[1]).read_text()), pathlib.Path(sys.argv[2])
refiner = Refiner(document, options=RefineOptions(cache=cache))
print(json.dumps([list(refiner.lineage("model.p.n").columns), "sqlglot" in sys.modules]))
"""
    command = [sys.executable, "-c", program, str(manifest_file), str(cache)]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    assert json.loads(told) == [before, False]


@pytest.mark.parametrize("damage", [b"", b"headwater-lineage 1 00\n{}", b"\xff\x00", b"cut"])
def test_a_damaged_file_is_an_empty_one(damage: bytes, tmp_path: Path) -> None:
    """Whatever is wrong with the file, the lineage is computed, and the file is whole again."""
    cache = tmp_path / "cache"
    before = lineage(project(), cache)
    whole = cache.read_bytes()
    cache.write_bytes(whole[:-5] if damage == b"cut" else damage)
    assert lineage(project(), cache) == before
    assert cache.read_bytes() == whole


def test_a_file_that_can_not_be_written_is_done_without(tmp_path: Path) -> None:
    """It costs the time of the next run, and is counted."""
    (tmp_path / "file").write_text("")
    refiner = Refiner(project(), options=RefineOptions(cache=tmp_path / "file" / "cache"))
    assert refiner.lineage("model.p.n") is not None, "no lineage without a cache"
    refiner.save()
    assert refiner.problems["cache_not_written"] == 1


def test_lineage_that_is_no_longer_kept_is_the_same() -> None:
    """Of a project with more models than are kept; SQL that can't be read is not tried again."""
    models = [node(f"model.p.m{number}", RAW, sql="select a, b as n from dev.shop.raw") for number in range(600)]
    broken = node("model.p.broken", RAW, sql="select from where")
    refiner = Refiner(manifest(node(RAW, columns="a b"), broken, *models))
    first = [refiner.lineage("model.p.broken"), *(refiner.lineage(f"model.p.m{number}") for number in range(600))]
    again = [refiner.lineage("model.p.broken"), *(refiner.lineage(f"model.p.m{number}") for number in range(600))]
    assert first == again
    assert first[0] is None
    assert None not in first[1:]
    assert refiner.problems["sql_not_understood"] == 1


def test_a_damaged_entry_costs_only_itself(tmp_path: Path) -> None:
    """A file with another checksum is not read at all."""
    cache = tmp_path / "cache"
    expected = lineage(project(), cache)
    written = cache.read_bytes()
    for damaged in (written[:-5], written.replace(b"state", b"stale"), b"", b"headwater-lineage 5 0\n{}\n"):
        cache.write_bytes(damaged)
        assert lineage(project(), cache) == expected
        assert cache.read_bytes() == written
