"""Backfill beside openlineage-dbt itself, on the same artifacts: the same names, and the same graph."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from openlineage.client.serde import Serde
from openlineage.common.provider.dbt.local import DbtLocalArtifactProcessor
from openlineage.common.provider.dbt.processor import Adapter

from emitter.dbt.backfill import (
    ArtifactError,
    Artifacts,
    DatasetLocation,
    Event,
    Manifest,
    RunResults,
    events,
)
from emitter.dbt.namespaces import default_location, location_of, scheme_of
from tests.support.dbt.dbt_artifacts import (
    ARTICLE,
    ATHENA,
    REDSHIFT,
    manifest,
    node,
    result,
    results,
    source,
)
from tests.support.graph.graph_of_events import embedded

ROLE = "arn:aws:iam::123456789012:role/dbt"
HOST = {"host": "h.example.com", "port": 1234}
PROFILES: dict[str, dict[str, Any]] = {
    "athena": {"region_name": "us-east-1", "assume_role_arn": ROLE},
    "bigquery": {},
    "clickhouse": HOST,
    "databricks": HOST,
    "dremio": {"software_host": "h", "port": 9047},
    "duckdb": {"path": "some.duckdb"},
    "fabric": {"server": "s", "port": 1433},
    "glue": {"region": "us-east-1", "role_arn": ROLE},
    "postgres": HOST,
    "presto": HOST,
    "redshift": {"host": "wg.123456789012.us-east-1.redshift-serverless.amazonaws.com", "port": 5439},
    "snowflake": {"account": "xy12345.us-east-2"},
    "spark": {"host": "h", "method": "thrift"},
    "sqlserver": {"server": "s", "port": 1433},
    "trino": HOST,
    "watsonx_presto": HOST,
}


def stock(profile: dict[str, Any], folder: Path, *documents: dict[str, Any]) -> DbtLocalArtifactProcessor:
    """What dbt-ol reads artifacts with; `documents` are the manifest and the run results."""
    name = Manifest(documents[0]).project if documents else "p"
    (folder / "dbt_project.yml").write_text(json.dumps({"name": name, "profile": "p"}))
    (folder / "profiles.yml").write_text(json.dumps({"p": {"target": "t", "outputs": {"t": profile}}}))
    (folder / "target").mkdir()
    for file, document in zip(("manifest.json", "run_results.json"), documents, strict=False):
        (folder / "target" / file).write_text(json.dumps(document))
    command = ["dbt", "build", "--profiles-dir", str(folder)]
    return DbtLocalArtifactProcessor(
        str(folder), dbt_command_line=command, producer="https://e.com", job_namespace="dbt"
    )


@pytest.mark.parametrize("adapter", sorted(found.value for found in Adapter))
def test_namespaces_are_those_of_openlineage_dbt(adapter: str, tmp_path: Path) -> None:
    """Each adapter that it supports, asked with one profile."""
    profile = {"type": adapter, **PROFILES[adapter]}
    processor = stock(profile, tmp_path)
    processor.extract_adapter_type(profile)
    processor.extract_dataset_namespace(profile)
    found = location_of(profile)
    assert (found.namespace, found.glue) == (processor.dataset_namespace, processor.dataset_symlink_namespace)
    assert found.namespace.partition(":")[0] == scheme_of(adapter), "the scheme finds the adapter again"


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        ({"type": "redshift"}, "redshift profile has no host"),
        ({"type": "athena"}, "athena profile has no region_name"),
        ({"type": "vertica"}, "'vertica' has no known namespace"),
        ({}, "'' has no known namespace"),
    ],
)
def test_profiles_that_name_no_place(profile: dict[str, Any], said: str) -> None:
    """They say what is missing."""
    with pytest.raises(ArtifactError, match=said):
        location_of(profile)


def test_a_place_without_a_profile_is_the_projects_own() -> None:
    """Two projects of which nobody says where they are do not become one."""
    assert default_location("redshift", "one").namespace == "redshift://one:5439"
    assert default_location("athena", "one").namespace == "awsathena://one"
    with pytest.raises(ArtifactError, match="no Glue catalog"):
        DatasetLocation("awsathena://athena.us-east-1.amazonaws.com", "us-east-1")


def seen(found: list[Event]) -> dict[str, Any]:
    """The graph of events, without runs, which dbt-ol draws anew each time, and columns, which it finds otherwise."""
    document = json.loads(embedded([found]))
    return {part: document[part] for part in ("datasets", "jobs", "reads", "writes", "dataset_edges")}


def imdb(project: str) -> dict[str, Any]:
    """One of the article's manifests."""
    return dict(json.loads((ARTICLE / f"{project}_manifest.json").read_text("utf-8")))


def small() -> dict[str, Any]:
    """A project with a failure, a skipped model, a snapshot and tests of each kind."""
    generic = {"name": "unique", "kwargs": {"column_name": "id"}}
    entries = (
        source("source.p.raw.src", columns={"id": {"name": "id", "data_type": "int"}}),
        node("model.p.a", "source.p.raw.src", description="All.", compiled_code="select id from raw.src"),
        node("model.p.bad", "model.p.a", compiled_code="select id from s.a"),
        node("model.p.after", "model.p.bad", compiled_code="select id from s.bad"),
        node("snapshot.p.kept", "model.p.a", compiled_code="select id from s.a"),
        node("test.p.unique_a.1", "model.p.a", test_metadata=generic),
        node("test.p.unique_src.2", "source.p.raw.src", test_metadata=generic, config={"severity": "WARN"}),
        node("test.p.alone", "model.p.a", "source.p.raw.src", config={"severity": "ERROR"}),
    )
    return manifest(*(entry | {"database": "awsdatacatalog"} for entry in entries), parent_map={})


def told(document: dict[str, Any], command: str, **statuses: str) -> dict[str, Any]:
    """Results of all that runs: done, passed, or as `statuses` say by the last part of the id."""
    kinds = {"model": "success", "snapshot": "success", "seed": "success", "test": "pass"}
    entries = [
        result(id_, statuses.get(id_.rpartition(".")[2], kinds[id_.partition(".")[0]]), failures=0)
        for id_ in document["nodes"]
    ]
    found = results(*entries, command=command)
    found["metadata"]["dbt_schema_version"] = "https://schemas.getdbt.com/dbt/run-results/v6.json"
    return found


@pytest.mark.parametrize("command", ["build", "run"])
@pytest.mark.parametrize(
    ("document", "place", "statuses"),
    [
        (imdb("athena"), ATHENA, {}),
        (imdb("redshift"), REDSHIFT, {}),
        (small(), ATHENA, {"bad": "error", "after": "skipped"}),
    ],
    ids=["athena", "redshift", "small"],
)
def test_the_graph_is_that_of_dbt_ol(
    document: dict[str, Any], place: DatasetLocation, statuses: dict[str, str], command: str, tmp_path: Path
) -> None:
    """Law 5 on artifacts: the same datasets, jobs under the same names, reads, writes and edges."""
    parents = {id_: entry["depends_on"]["nodes"] for id_, entry in document["nodes"].items()}
    document = document | {"parent_map": parents}
    run = told(document, command, **statuses)
    if command == "run":
        run["results"] = [found for found in run["results"] if found["unique_id"].startswith("model.")]
    adapter = document["metadata"]["adapter_type"]
    processor = stock({"type": adapter, **PROFILES[adapter]}, tmp_path, document, run)
    live = [Serde.to_dict(event) for event in processor.parse().events()]
    found = [
        event
        for event in events(Artifacts(Manifest(document), RunResults(run)), place)
        # The run of dbt itself is told by dbt-ol's command, what did not run by nobody, and what was skipped by us.
        if event["job"]["facets"]["jobType"]["jobType"] != "JOB" and "run" in event and _has_result(event, run)
        if event["eventType"] != "ABORT"
    ]
    assert seen(found) == seen(live), f"{command}: backfill and dbt-ol tell different things"


def _has_result(event: Event, run: dict[str, Any]) -> bool:
    ran = {entry["unique_id"] for entry in run["results"]}
    return (
        event["job"]["facets"]["jobType"]["jobType"] == "TEST" or event["job"]["facets"]["dbt_node"]["unique_id"] in ran
    )
