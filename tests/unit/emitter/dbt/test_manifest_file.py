"""A manifest read node by node: the same lineage as of the whole, and no other text is a manifest."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emitter.dbt import artifact_file
from emitter.dbt.backfill import Artifacts, DatasetLocation, Event, Manifest, RunResults, events
from emitter.dbt.manifest_file import read_manifest
from emitter.errors import ArtifactError
from emitter.refine import Refiner
from tests.support.dbt.fake_dbt_v2 import SAMPLES

DATA = Path(__file__).parents[3] / "data"
MANIFESTS = sorted(
    path for path in DATA.rglob("*manifest*.json") if b'"dbt_schema_version"' in path.read_bytes()[:4000]
)
UTF8 = {"ensure_ascii": False}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def lineage_of(document: dict[str, Any]) -> list[Event]:
    """The events of a project, declared and refined."""
    results = document.get("results")
    artifacts = Artifacts(Manifest(document), RunResults(results) if results else None)
    return list(events(artifacts, DatasetLocation("redshift://host:5439"), refine=Refiner(document).refine))


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: str(path.relative_to(DATA)))
def test_lineage_is_that_of_the_whole_manifest(path: Path) -> None:
    """Of every recorded manifest."""
    assert lineage_of(read_manifest(path)) == lineage_of(json.loads(path.read_bytes()))


def test_what_takes_most_of_the_file_is_not_kept() -> None:
    """Macros, and raw code where there is compiled code."""
    whole = json.loads((SAMPLES / "redshift" / "target" / "manifest.json").read_bytes())
    found = read_manifest(SAMPLES / "redshift" / "target" / "manifest.json")
    assert "macros" in whole
    assert "macros" not in found
    assert whole["nodes"].keys() == found["nodes"].keys()
    compiled = [node for node in found["nodes"].values() if node.get("compiled_code")]
    assert compiled
    assert not [node for node in compiled if "raw_code" in node]


@given(sections=st.dictionaries(st.text(), JSON, max_size=4), options=st.sampled_from([{}, {"indent": 1}, UTF8]))
def test_any_other_section_is_read_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, sections: dict[str, Any], options: dict[str, Any]
) -> None:
    """Of any JSON, with any characters, however it is written."""
    path = tmp_path_factory.mktemp("manifest") / "manifest.json"
    named = {f"x{key}": value for key, value in sections.items()}
    path.write_text(json.dumps(named, **options), encoding="utf-8", errors="surrogatepass")
    assert read_manifest(path) == named


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{",
        '{"nodes"',
        '{"nodes": {"a": {}',
        '{"nodes": {"a": }}',
        '{"a": 1,}',
        '{"a": 1} {}',
        '{"a" 1}',
        '{"macros": {"a": {]}}',
        "{1: 2}",
        '{"a": 1 "b": 2}',
        '{"nodes": {"a": {"\\ud": 1}}}',
    ],
)
def test_other_texts_are_no_manifest(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file that dbt never finished."""
    monkeypatch.setattr(artifact_file, "STALLED_S", 0.0)
    path = tmp_path / "manifest.json"
    path.write_text(text)
    with pytest.raises(ArtifactError, match="holds no JSON object"):
        read_manifest(path)
