"""Artifacts on disk, and a refiner that follows them: it never raises, and never takes another run's for this one's."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from emitter.refine import find, make_refiner
from emitter.refine.refine_options import is_on, options_from
from tests.support.dbt.refinement_inputs import edges, event, manifest, node

RAW = node("source.p.shop.raw", columns="a b")
GIVEN = event("model.p.m", output="dev.shop.m")


def write(folder: Path, sql: str = "select a from dev.shop.raw", invocation: str = "i1") -> None:
    """Writes a manifest as dbt does at the end of an invocation."""
    folder.mkdir(parents=True, exist_ok=True)
    document = manifest(RAW, node("model.p.m", "source.p.shop.raw", sql=sql))
    document["metadata"]["invocation_id"] = invocation
    (folder / "manifest.json").write_text(json.dumps(document))


def refined(folder: Path, *arguments: str, **environ: str) -> dict[str, Any]:
    """The event as it is refined in a folder."""
    refine = make_refiner(environ, folder, arguments)
    assert refine is not None, "refinement is off"
    return refine(GIVEN)


def test_find(tmp_path: Path) -> None:
    """The manifest is in `target`, or where dbt_project.yml has it; the catalog may be missing."""
    assert find(tmp_path) is None
    write(tmp_path / "target")
    found = find(tmp_path)
    assert found is not None
    assert (found.manifest, found.catalog) == (tmp_path / "target" / "manifest.json", None)
    (tmp_path / "dbt_project.yml").write_text("name: p\ntarget-path: 'build'  # old\n")
    write(tmp_path / "build")
    (tmp_path / "build" / "catalog.json").write_text("{}")
    found = find(tmp_path)
    assert found is not None
    assert (found.manifest.parent, found.catalog) == (tmp_path / "build", tmp_path / "build" / "catalog.json")


def test_the_places_that_dbt_is_told(tmp_path: Path) -> None:
    """Command line before environment before the default, as dbt has it."""
    write(tmp_path / "project" / "out")
    assert edges(refined(tmp_path, "run", "--project-dir", "project", "--target-path=out")), "by the command line"
    assert edges(refined(tmp_path, DBT_PROJECT_DIR="project", DBT_TARGET_PATH="out")), "by the environment"
    assert refined(tmp_path) is GIVEN


def test_another_invocations_manifest_is_not_taken(tmp_path: Path) -> None:
    """A manifest that is still the last run's leaves the event as it is, until dbt writes this run's."""
    refine = make_refiner({}, tmp_path)
    assert refine is not None, "refinement is off"
    assert refine(GIVEN) is GIVEN, "without a manifest"
    write(tmp_path / "target", invocation="older")
    assert refine(GIVEN) is GIVEN, "with an older one"
    write(tmp_path / "target", sql="select b as a from dev.shop.raw")
    assert edges(refine(GIVEN)) == {("dev.shop.raw", "b", "a")}


def test_the_cache_is_written_when_the_run_ends(tmp_path: Path) -> None:
    """The event of the whole run's end saves what was computed, in dbt's target folder."""
    write(tmp_path / "target")
    refine = make_refiner({}, tmp_path)
    assert refine is not None, "refinement is off"
    refine(GIVEN)
    end = {"eventType": "COMPLETE", "run": {"runId": "x"}, "job": {"namespace": "dbt", "name": "dbt-run-p"}}
    assert refine(end) is end
    assert (tmp_path / "target" / "headwater_columns.cache").is_file()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"nodes": 3}', '{"nodes": {"model.p.m": 3}}'])
def test_a_damaged_manifest_costs_refinement_alone(
    text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events go as they are, and one warning says why."""
    monkeypatch.setattr("emitter.dbt.artifact_file.STALLED_S", 0.1)  # else it might be dbt that still writes it
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "manifest.json").write_text(text)
    refine = make_refiner({}, tmp_path)
    assert refine is not None, "refinement is off"
    assert [refine(GIVEN), refine(GIVEN)] == [GIVEN, GIVEN]
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) <= 1


def test_wrong_options_switch_it_off(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """They are named, and dbt runs."""
    assert make_refiner({"HEADWATER_REFINE__REDSHIFT_RULES": "wg=x"}, tmp_path) is None
    assert "HEADWATER_REFINE__REDSHIFT_RULES must be a JSON object" in caplog.text


def test_options(tmp_path: Path) -> None:
    """Each option has its variable; `off` means off, in whatever way it is written."""
    assert [is_on({"HEADWATER_REFINE": value}) for value in ("false", "OFF", "0", "true", "")] == [False] * 3 + [
        True
    ] * 2
    assert make_refiner({"HEADWATER_REFINE": "no"}, tmp_path) is None
    rules = {"redshift://h:5439": "redshift://c.us-east-1:5439"}
    given = {"ACCOUNT_ID": "1", "REGION": "r", "COLUMN_LINEAGE": "false", "REDSHIFT_RULES": json.dumps(rules)}
    options = options_from({f"HEADWATER_REFINE__{name}": value for name, value in given.items()}, tmp_path)
    assert (options.account_id, options.region, options.column_lineage, options.redshift_rules) == (
        "1",
        "r",
        False,
        rules,
    )
    assert options.cache == tmp_path
    assert options_from({"HEADWATER_REFINE__CACHE": "off"}, tmp_path).cache is None
    assert options_from({"HEADWATER_REFINE__CACHE": "/c"}, tmp_path).cache == Path("/c")
