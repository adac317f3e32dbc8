"""From artifacts to events: what dbt-ol would have sent, and the same each time."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from consumer.lineage.identity import IdentityRules
from emitter.dbt.backfill import (
    ArtifactError,
    Artifacts,
    Event,
    Manifest,
    RunResults,
    events,
    notes,
)
from emitter.dbt.node_events import run_id
from emitter.refine import Refiner
from tests.support.dbt.dbt_artifacts import (
    ARTICLE,
    AT,
    ATHENA,
    IDENTITY,
    REDSHIFT,
    article,
    article_events,
    catalog,
    manifest,
    node,
    result,
    results,
    source,
)
from tests.support.events.specification import Specification
from tests.support.graph.graph_of_events import embedded

A, B, C = "model.p.a", "model.p.b", "model.p.c"
SRC = "source.p.raw.src"
TEST = "test.p.unique_a_id.0123abcdef"
UNIQUE = {"name": "unique", "kwargs": {"column_name": "id", "model": "{{ ref('a') }}"}}


def made(
    document: dict[str, Any], told: dict[str, Any] | None = None, found: dict[str, Any] | None = None
) -> list[Event]:
    """The events of hand-written artifacts."""
    artifacts = Artifacts(Manifest(document), RunResults(told) if told else None, found)
    return list(events(artifacts, ATHENA))


def ended(found: list[Event], unique_id: str) -> Event:
    """The terminal event of a node's run, or its JobEvent if nothing says that it ran."""
    ends = [
        event
        for event in found
        if event.get("eventType") in {"COMPLETE", "FAIL", None}
        and event["job"]["facets"].get("dbt_node", {}).get("unique_id") == unique_id
        and event["job"]["facets"]["jobType"]["jobType"] != "TEST"
    ]
    assert len(ends) == 1, f"{unique_id} ends once, not {len(ends)} times"
    return ends[0]


def names(datasets: list[dict[str, Any]]) -> list[str]:
    """The datasets' names."""
    return [dataset["name"] for dataset in datasets]


def graph(found: list[Event], *same: list[str]) -> dict[str, Any]:
    """The exported graph of events."""
    return dict(json.loads(embedded([found], IdentityRules.of(same))))


def test_the_articles_two_projects_are_one_graph() -> None:
    """With the identity map there are 29 datasets and 30 edges, as the article's picture has them."""
    found = graph(list(article_events()), IDENTITY)
    assert (len(found["datasets"]), len(found["dataset_edges"])) == (29, 30)
    crossing = [
        (s[1], t[1]) for s, t, _ in found["dataset_edges"] if s[0].startswith("arn:") and t[0].startswith("red")
    ]
    assert len(crossing) == 7, f"the seven staged tables lead from Athena to Redshift: {crossing}"


def test_without_the_identity_map_the_projects_stay_apart() -> None:
    """Equal names are no proof: the seven tables are fourteen."""
    found = graph(list(article_events()))
    assert (len(found["datasets"]), len(found["dataset_edges"])) == (36, 30)


def test_the_same_artifacts_give_the_same_events() -> None:
    """Ids and times come from the artifacts, so a repetition changes nothing."""
    once, again = list(article_events()), list(article_events())
    assert once == again, "the second time other events are made"
    assert embedded([once]) == embedded([once, again]), "repeating changes the graph"
    models = [event for event in once if event["job"]["facets"]["jobType"]["jobType"] == "MODEL"]
    assert len(models) == 22, "one event for each of the 22 models"
    assert not any("run" in event for event in once), "there are no results, so nothing says that anything ran"


@pytest.mark.parametrize("version", [4, 5, 6, 7, 9, 12, 13, 20])
def test_every_version_of_the_manifest(version: int) -> None:
    """From dbt 1.0 on, and those that are yet to come; SQL has had two names."""
    key = "compiled_sql" if version < 7 else "compiled_code"
    entries = (source(SRC), node(A, SRC, **{key: "select id from d.raw.src"}))
    event = ended(made(manifest(*entries, version=version)), A)
    assert (names(event["inputs"]), names(event["outputs"])) == (["d.raw.src"], ["d.s.a"])
    assert event["job"]["facets"]["sql"]["query"] == "select id from d.raw.src", f"version {version} lost its SQL"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "no dbt manifest"),
        ({"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/catalog/v1.json"}, "nodes": {}}, "no dbt"),
        (manifest(version=3), "version 3; 4 is the oldest"),
    ],
)
def test_what_is_no_manifest(document: dict[str, Any], said: str) -> None:
    """It says what is wrong, and what would be right."""
    with pytest.raises(ArtifactError, match=said):
        Manifest(document)


def test_names_are_those_of_dbt_ol() -> None:
    """Jobs, datasets and symlinks of Athena, as openlineage-dbt names them; the job around them is dbt's run."""
    found = made(manifest(source(SRC), node(A, SRC, database="awsdatacatalog")), results(result(A)))
    event = ended(found, A)
    assert event["job"]["namespace"] == "dbt"
    assert event["job"]["name"] == "awsdatacatalog.s.p.a.build.run"
    assert event["outputs"][0]["namespace"] == ATHENA.namespace
    links = event["outputs"][0]["facets"]["symlinks"]["identifiers"]
    assert links == [{"namespace": ATHENA.glue, "name": "table/s/a", "type": "TABLE"}]
    parent = event["run"]["facets"]["parent"]
    assert parent["job"] == {"namespace": "dbt", "name": "dbt-run-p"}
    whole = [e for e in found if e.get("run", {}).get("runId") == parent["run"]["runId"]]
    assert [e["eventType"] for e in whole] == ["START", "COMPLETE"], "dbt's own run is around those of its nodes"


@pytest.mark.parametrize(
    ("catalog", "linked"),
    [("awsdatacatalog", True), ("AwsDataCatalog", True), (None, True), ("partner_catalog", False)],
)
def test_only_the_own_catalog_is_glue(catalog: str | None, *, linked: bool) -> None:
    """A table of another Athena catalog has no name in the account's Glue."""
    found = ended(made(manifest(source(SRC, database=catalog), node(A, SRC))), A)["inputs"][0]
    assert ("symlinks" in found["facets"]) is linked


def test_tables_of_two_catalogs_are_two() -> None:
    """A copy of a partner's table under the same name reads the partner's, and not itself."""
    theirs = source(SRC, database="partner_catalog", schema="sales", identifier="orders")
    ours = node("model.p.orders", SRC, database="awsdatacatalog", schema="sales")
    found = graph(made(manifest(theirs, ours)))
    shown = [[each["namespace"], each["name"]] for each in found["datasets"]]
    glue, athena = [ATHENA.glue, "table/sales/orders"], [ATHENA.namespace, "partner_catalog.sales.orders"]
    assert shown == [glue, athena]
    assert [edge[:2] for edge in found["dataset_edges"]] == [[athena, glue]]


@pytest.mark.parametrize(("namespace", "kept"), [("dbt-ci", True), ("dbt-prod", False)])
def test_each_environment_needs_its_own_namespace(namespace: str, *, kept: bool) -> None:
    """A later run into another schema takes back production's edges, where both are of one job namespace."""
    prod, later = manifest(source(SRC), node(A, SRC)), manifest(source(SRC), node(A, SRC, schema="ci"))
    later["metadata"] |= {"generated_at": "2026-11-22T05:00:00Z", "invocation_id": "another"}
    told = [(prod, "dbt-prod"), (later, namespace)]
    found = graph([e for doc, job in told for e in events(Artifacts(Manifest(doc)), ATHENA, job_namespace=job)])
    targets = {edge[1][1] for edge in found["dataset_edges"]}
    assert targets == ({"d.s.a", "d.ci.a"} if kept else {"d.ci.a"})


def test_the_names_of_recorded_events_are_found_again() -> None:
    """The IMDb project's recorded jobs and datasets: those of a manifest with the same nodes."""
    unique_id = "model.imdb_redshift.titles"
    entry = node(unique_id, "source.imdb_redshift.stg.t", database="dev", schema="imdb")
    table = source("source.imdb_redshift.stg.t", database="dev", schema="imdb_stg")
    artifacts = Artifacts(Manifest(manifest(entry, table, adapter="redshift")))
    event = ended(list(events(artifacts, REDSHIFT)), unique_id)
    assert event["job"]["name"] == "dev.imdb.imdb_redshift.titles.build.run"
    assert names(event["inputs"] + event["outputs"]) == ["dev.imdb_stg.t", "dev.imdb.titles"]
    assert "symlinks" not in event["outputs"][0]["facets"], "Redshift's tables are in no Glue catalog"


def test_ephemeral_models_are_seen_through() -> None:
    """Their parents feed their children, whichever way leads there, and they are no datasets."""
    inner = node(B, SRC, config={"materialized": "ephemeral"})
    outer = node("model.p.outer", B, "seed.p.labels", config={"materialized": "ephemeral"})
    found = made(manifest(source(SRC), node("seed.p.labels"), inner, outer, node(A, "model.p.outer", SRC)))
    assert names(ended(found, A)["inputs"]) == ["d.raw.src", "d.s.labels"]
    assert {dataset["node_name"] for dataset in graph(found)["datasets"]} == {"src", "labels", "a"}
    assert not any("outer" in e["job"]["name"] or e["job"]["name"].endswith(".b.build.run") for e in found)


def test_functions_are_seen_through() -> None:
    """A model that calls a function which reads a table reads that table; a function is no dataset."""
    function = {"unique_id": "function.p.f", "name": "f", "depends_on": {"nodes": [SRC, "function.p.g"]}}
    inner = {"unique_id": "function.p.g", "name": "g", "depends_on": {"nodes": [B]}}
    functions = {"function.p.f": function, "function.p.g": inner}
    found = made(manifest(source(SRC), node(B), node(A, "function.p.f"), functions=functions))
    assert names(ended(found, A)["inputs"]) == ["d.raw.src", "d.s.b"]
    parents = {A: ["function.p.f"], "function.p.f": [SRC]}
    found = made(manifest(source(SRC), node(A, "function.p.f"), functions=functions, parent_map=parents))
    assert names(ended(found, A)["inputs"]) == ["d.raw.src"]


@pytest.mark.parametrize(
    ("pointer", "version", "expected"),
    [
        ({"enabled": True, "alias": None}, 2, ["d.s.report_v2", "d.s.report"]),
        ({"enabled": True, "alias": "newest"}, 2, ["d.s.report_v2", "d.s.newest"]),
        ({"enabled": True, "alias": None}, 1, ["d.s.report_v2"]),
        ({"enabled": None, "alias": None}, 2, ["d.s.report_v2"]),
        ({"enabled": False, "alias": None}, 2, ["d.s.report_v2"]),
    ],
)
def test_the_view_of_the_latest_version(pointer: dict[str, Any], version: int, expected: list[str]) -> None:
    """It is no node of dbt's, and has the model's lineage, also of columns: what reads it has an upstream."""
    unique_id = "model.p.report.v2"
    entry = node(unique_id, SRC, compiled_code="select id from d.raw.src", version=version, latest_version=2)
    entry |= {"name": "report", "alias": "report_v2", "config": {"latest_version_pointer": pointer}}
    project = Manifest(manifest(source(SRC), entry))
    found = list(events(Artifacts(project), ATHENA, refine=Refiner(project.document).refine))
    outputs = ended(found, unique_id)["outputs"]
    assert names(outputs) == expected
    assert all("id" in each["facets"]["columnLineage"]["fields"] for each in outputs)
    targets = {edge[1][1].replace("table/s/", "d.s.") for edge in graph(found)["dataset_edges"]}
    assert targets == set(expected)


def test_seeds_snapshots_and_sources() -> None:
    """Each is what it is: a source goes by its identifier, a seed and a snapshot have jobs of their own."""
    snapshot = node("snapshot.p.history", SRC)
    found = made(manifest(source(SRC, identifier="SRC_2024"), node("seed.p.labels"), snapshot))
    assert names(ended(found, snapshot["unique_id"])["inputs"]) == ["d.raw.SRC_2024"]
    jobs = {e["job"]["name"]: e["job"]["facets"]["jobType"]["jobType"] for e in found}
    assert jobs == {"seed.p.labels": "SEED", "d.s.p.history.build.snapshot": "SNAPSHOT"}


def test_disabled_and_other_nodes_make_no_events() -> None:
    """Analyses, unit tests and operations write nothing."""
    others = (node("analysis.p.x", A), node("operation.p.x"), node("unit_test.p.x", A))
    found = made(manifest(node(A), *others))
    assert {event["job"]["name"] for event in found} == {"d.s.p.a.build.run"}


def test_results_tell_states_and_times() -> None:
    """What failed has failed, with its message and without an output; what was skipped is one ABORT."""
    told = results(
        result(A, adapter_response={"rows_affected": 7, "query_id": "q-1"}),
        result(B, "error", message="no such column"),
        result(C, "skipped"),
    )
    found = made(manifest(node(A), node(B, A), node(C, B)), told)
    fine, failed = ended(found, A), ended(found, B)
    assert (fine["eventType"], fine["eventTime"]) == ("COMPLETE", "2026-11-21T05:05:02.000000Z")
    assert fine["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 7
    assert fine["run"]["facets"]["externalQuery"]["externalQueryId"] == "q-1"
    assert (failed["eventType"], failed["outputs"]) == ("FAIL", [])
    assert failed["run"]["facets"]["errorMessage"]["message"] == "no such column"
    (skipped,) = (event for event in found if ".c." in event["job"]["name"])
    assert (skipped["eventType"], skipped["inputs"], skipped["outputs"]) == ("ABORT", [], [])
    assert found[-1]["eventType"] == "FAIL", "dbt's own run failed with it"
    assert fine["run"]["runId"] == run_id("5d1a1f0e-0000-4000-8000-000000000002", A), (
        "the run is one of that invocation"
    )


def test_nodes_without_a_result_are_declared() -> None:
    """A run of a part of the project is no run of the rest, and takes nothing of it away."""
    checksum = {"name": "sha256", "checksum": "0a1b"}
    document = manifest(node(A), node(B, A, compiled_code="select id from d.s.a", checksum=checksum))
    found = made(document, results(result(A)))
    declared = ended(found, B)
    assert ("run" in declared, declared["eventTime"]) == (False, AT)
    assert (names(declared["inputs"]), names(declared["outputs"])) == (["d.s.a"], ["d.s.b"])
    assert declared["job"]["facets"]["sql"]["query"] == "select id from d.s.a"
    assert declared["job"]["facets"]["dbt_node"]["checksum"] == "0a1b", "it names the version of the code"
    assert (ended(found, A)["eventType"], found[-1]["eventType"]) == ("COMPLETE", "COMPLETE")


@pytest.mark.parametrize("command", ["generate", "compile", "run-operation", "clone", "parse", "list", "show"])
def test_results_of_other_commands_tell_of_no_run(command: str) -> None:
    """`dbt docs generate` writes a success for each node that it compiled; dbt itself made nothing either."""
    found = made(manifest(node(A), node(TEST, A, test_metadata=UNIQUE)), results(result(A), command=command))
    assert [event.get("eventType") for event in found] == [None, None], f"{command} ran nothing"
    assert {event["eventTime"] for event in found} == {AT}


@pytest.mark.parametrize("more", [{}, {"timing": []}, {"timing": [{"name": "compile", "started_at": AT}]}])
def test_results_without_a_command_need_a_time_of_execution(more: dict[str, Any]) -> None:
    """Where the file does not say which command wrote it, a status alone is no evidence."""
    document = results(result(A, **more))
    document["args"] = {}
    assert ("run" in ended(made(manifest(node(A)), document), A)) is (not more)


def test_a_run_that_failed_stays_failed() -> None:
    """What later artifacts declare of its code is no success."""
    code = {"checksum": {"name": "sha256", "checksum": "0a1b"}}
    document = manifest(node(A), node(B, A, **code))
    failed = made(document, results(result(A), result(B, "error", message="no such column")))
    later = copy.deepcopy(document)
    later["metadata"] |= {"generated_at": "2026-11-22T05:00:00Z", "invocation_id": "another"}
    found = made(later, results(result(A), command="generate"))
    runs = graph([*failed, *found])["runs"]
    assert {run["job"][1]: run["state"] for run in runs} == {A: "COMPLETE", B: "FAIL", "dbt-run-p": "FAIL"}


@pytest.mark.parametrize("status", ["reused", "a status of tomorrow"])
def test_what_was_not_built_is_no_run(status: str) -> None:
    """Its table is that of an earlier run, and dbt's own run has not failed; what is not known is reported."""
    artifacts = Artifacts(Manifest(manifest(node(A), node(B, A))), RunResults(results(result(A), result(B, status))))
    found = list(events(artifacts, ATHENA))
    assert "run" not in ended(found, B), f"{status} is no execution"
    assert (ended(found, A)["eventType"], found[-1]["eventType"]) == ("COMPLETE", "COMPLETE")
    known = status == "reused"
    assert [note for note in notes(artifacts, columns=False) if status in note] == (
        [] if known else [f"unknown status {status!r} of 1 node, so no run is emitted there"]
    )


def test_a_cancelled_invocation_says_nothing_of_its_nodes() -> None:
    """Each node has the same error in dbt v2, also for those that had succeeded; the others keep their definition."""
    at = "2026-11-21T05:05:00.5Z"
    timing = [{"name": name, "started_at": at, "completed_at": at} for name in ("compile", "execute")]
    stamped = {"message": "Compilation Error", "thread_id": "main", "timing": timing}
    told = results(*(result(id_, "error", **stamped) for id_ in (A, B)))
    artifacts = Artifacts(Manifest(manifest(node(A), node(B, A), node(C, B))), RunResults(told))
    found = list(events(artifacts, ATHENA))
    assert [event["job"]["name"] for event in found] == ["dbt-run-p", "d.s.p.c.build.run", "dbt-run-p"]
    assert found[-1]["eventType"] == "FAIL"
    assert found[-1]["run"]["facets"]["errorMessage"]["message"] == "Compilation Error"
    assert [note for note in notes(artifacts) if "outcome of 2 nodes is unknown" in note], "it is reported"


def test_one_node_that_fails_is_no_cancelled_invocation() -> None:
    """The error of one node has a thread and a duration of its own."""
    told = results(result(A, "error", message="no", thread_id="Thread-1 (worker)"))
    assert ended(made(manifest(node(A)), told), A)["eventType"] == "FAIL"


def test_arguments_of_previews_are_found() -> None:
    """Previews of dbt v2 had most of them a level deeper."""
    told = results(result(A))
    told["args"] = {"command": "build", "__other__": {"which": "build", "full_refresh": True}}
    found = made(manifest(node(A)), told)
    assert found[0]["run"]["facets"]["dbt_run"]["full_refresh"] is True


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"invocation_started_at": "2026-11-21T04:59:01.5Z"}, "2026-11-21T04:59:01.5Z"),
        ({"run_started_at": "2026-11-21T04:59:02Z"}, "2026-11-21T04:59:02Z"),
        ({}, AT),
        ({"generated_at": "2026-11-21T05:10:00Z"}, "2026-11-21T05:05:00.000000Z"),
        ({"invocation_id": "another", "invocation_started_at": "2026-11-20T00:00:00Z"}, "2026-11-21T05:05:00.000000Z"),
    ],
    ids=["v2", "dbt-core 1.12", "older", "manifest at the end", "another invocation's manifest"],
)
def test_dbts_run_starts_when_dbt_was_started(metadata: dict[str, Any], expected: str) -> None:
    """As the manifest of the same invocation says, else with the first of its nodes."""
    document, told = manifest(node(A)), results(result(A))
    told["metadata"]["invocation_id"] = document["metadata"]["invocation_id"]
    document["metadata"] |= metadata
    assert made(document, told)[0]["eventTime"] == expected


def test_the_engine_is_the_one_that_ran() -> None:
    """With `--use-v2-parser` the manifest has the parser's version, the results have that of dbt."""
    document, told = manifest(node(A)), results(result(A))
    document["metadata"]["dbt_version"] = "2.0.9"
    told["metadata"]["dbt_version"] = "1.12.6"
    assert ended(made(document, told), A)["run"]["facets"]["processing_engine"]["version"] == "1.12.6"


def test_tests_are_assertions_and_never_outputs() -> None:
    """The tests of a table are one run, which fails if one of them does; a singular test is its own run."""
    generic = node(TEST, A, test_metadata=UNIQUE, config={"severity": "ERROR"}, attached_node=A)
    warns = node("test.p.warns.1", A, B, test_metadata={"name": "relationships"}, config={"severity": "warn"})
    singular = node("test.p.no_orphans", A, B, config={"severity": "ERROR"})
    told = results(
        result(TEST, "fail", failures=3),
        result("test.p.warns.1", "warn", failures=1),
        result("test.p.no_orphans", "pass"),
    )
    found = made(manifest(node(A), node(B), generic, warns, singular), told)
    tests = {e["job"]["name"]: e for e in found if e["job"]["facets"]["jobType"]["jobType"] == "TEST"}
    assert all(event["outputs"] == [] for event in tests.values()), "a test writes nothing"
    about_a, about_b = tests["d.s.p.a.build.test"], tests["d.s.p.b.build.test"]
    assert (about_a["eventType"], about_b["eventType"]) == ("FAIL", "COMPLETE"), "a warning fails no run"
    assert about_a["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"] == [
        {
            "assertion": "unique",
            "name": "0123abcdef",
            "success": False,
            "column": "id",
            "severity": "error",
            "actual": "3",
            "expected": "0",
        }
    ]
    assert tests["test.p.no_orphans"]["run"]["facets"]["test"]["tests"][0]["status"] == "pass"
    assert names(tests["test.p.no_orphans"]["inputs"]) == ["d.s.a", "d.s.b"]


def test_tests_without_results_are_jobs() -> None:
    """The manifest says what they read, and nobody how they ended: no run is invented, no audit table is a dataset."""
    found = made(manifest(source(SRC), node(TEST, SRC, test_metadata=UNIQUE)))
    (event,) = [e for e in found if e["job"]["name"] == TEST]
    assert ("run" in event, names(event["inputs"]), event["outputs"]) == (False, ["d.raw.src"], [])


def test_columns_come_from_the_catalog_else_from_the_descriptions() -> None:
    """With the engine's types in their order; sizes of a catalog that is older than the table are left out."""
    described = node(A, columns={"id": {"name": "id", "description": "the key", "data_type": "int"}})
    stale = catalog(A, {"ID": "bigint", "more": "varchar"}, {"row_count": 5})
    fields = ended(made(manifest(described)), A)["outputs"][0]["facets"]["schema"]["fields"]
    assert fields == [{"name": "id", "type": "int", "description": "the key"}]
    event = ended(made(manifest(described), results(result(A)), stale), A)
    assert event["outputs"][0]["facets"]["schema"]["fields"] == [
        {"name": "ID", "type": "bigint", "description": "the key"},
        {"name": "more", "type": "varchar"},
    ]
    assert "outputFacets" not in event["outputs"][0], "the catalog's rows are those of an older table"
    fresh = catalog(A, {"id": "bigint"}, {"row_count": 5}, at="2026-11-21T06:00:00Z")
    statistics = ended(made(manifest(described), results(result(A)), fresh), A)["outputs"][0]["outputFacets"]
    assert statistics["outputStatistics"]["rowCount"] == 5


def test_what_else_the_manifest_knows_of_a_table() -> None:
    """Owner, description, exposures, materialization, tags."""
    config = {"materialized": "incremental", "incremental_strategy": "merge", "unique_key": "id", "lookback": 1}
    entry = node(A, description="All.", meta={"owner": ["ann", "bo"]}, tags=["nightly"], config=config)
    board = {"unique_id": "exposure.p.board", "name": "board", "type": "dashboard", "depends_on": {"nodes": [A]}}
    event = ended(made(manifest(entry, exposures={"exposure.p.board": board}), results(result(A))), A)
    found = event["outputs"][0]["facets"]
    assert found["documentation"]["description"] == "All."
    assert [owner["name"] for owner in found["ownership"]["owners"]] == ["ann", "bo"]
    assert found["dbt_exposures"]["exposures"][0]["name"] == "board"
    assert found["dbt_model"]["config"]["incremental"] == {"strategy": "merge", "unique_key": ["id"]}
    assert [tag["key"] for tag in event["run"]["facets"]["tags"]["tags"]] == ["nightly", "owner"]


def exposure(name: str, *nodes: str, **more: Any) -> dict[str, Any]:
    """An exposure of the manifest that depends on nodes."""
    unique_id = f"exposure.p.{name}"
    return {unique_id: {"unique_id": unique_id, "name": name, "depends_on": {"nodes": [*nodes]}, **more}}


def test_exposures_are_of_the_tables_behind_what_they_depend_on() -> None:
    """Ephemeral models, metrics, and saved queries are no tables; the owner is a name, or else a mail address."""
    ephemeral = node("model.p.eph", A, config={"materialized": "ephemeral"})
    sections: dict[str, Any] = {
        "semantic_models": {"semantic_model.p.s": {"depends_on": {"nodes": [B]}}},
        "metrics": {"metric.p.m": {"depends_on": {"nodes": ["semantic_model.p.s", "metric.p.m"]}}},
        "saved_queries": {"saved_query.p.q": {"depends_on": {"nodes": ["metric.p.m"]}}},
    }
    exposures = {
        **exposure("seen", "model.p.eph", A, owner={"name": "ana", "email": "ana@example.com"}),
        **exposure("counted", "saved_query.p.q", owner={"email": "bo@example.com"}, url=None),
    }
    events = made(manifest(node(A), node(B), ephemeral, exposures=exposures, **sections))
    found = {id_: ended(events, id_)["outputs"][0]["facets"]["dbt_exposures"]["exposures"] for id_ in (A, B)}
    assert found == {
        A: [{"unique_id": "exposure.p.seen", "name": "seen", "owner": "ana"}],
        B: [{"unique_id": "exposure.p.counted", "name": "counted", "owner": "bo@example.com"}],
    }


def test_tags_of_a_table_and_its_columns() -> None:
    """Those of the node, its meta, and the tags and meta of each column, as tags of the dataset."""
    email = {"name": "email", "tags": ["pii"], "meta": {"level": 3}}
    phone = {"name": "phone", "config": {"tags": ["pii"], "meta": {"level": 2}}}
    columns = {"email": email, "id": {"name": "id", "description": "Its key."}, "phone": phone}
    event = ended(made(manifest(node(A, tags=["gold"], columns=columns))), A)
    tags = event["outputs"][0]["facets"]["tags"]["tags"]
    assert [(tag["key"], tag["value"], tag["source"], tag.get("field")) for tag in tags] == [
        ("gold", "true", "DBT", None),
        ("pii", "true", "DBT", "email"),
        ("level", "3", "DBT_META", "email"),
        ("pii", "true", "DBT", "phone"),
        ("level", "2", "DBT_META", "phone"),
    ]
    assert "tags" not in ended(made(manifest(node(B))), B)["outputs"][0]["facets"]


@pytest.mark.parametrize(
    ("owner", "meta", "expected"),
    [
        ({"name": "Finance", "email": "f@example.com"}, {}, [{"name": "Finance", "type": "GROUP"}]),
        ({"email": "f@example.com"}, {}, [{"name": "f@example.com", "type": "GROUP"}]),
        ({"name": "Finance"}, {"owner": "ann"}, [{"name": "ann"}]),
        ({}, {}, None),
    ],
)
def test_the_owner_of_a_group(
    owner: dict[str, str], meta: dict[str, str], expected: list[dict[str, str]] | None
) -> None:
    """A model of a group is owned by the group's owner, unless it names one itself."""
    group = {"group.p.finance": {"unique_id": "group.p.finance", "name": "finance", "owner": owner}}
    entry = node(A, meta=meta, config={"materialized": "table", "group": "finance"})
    found = ended(made(manifest(entry, groups=group)), A)["outputs"][0]["facets"]
    assert found.get("ownership", {}).get("owners") == expected


def test_sql_that_was_never_compiled() -> None:
    """Where Jinja only names tables, the SQL can be told; where it does more, it is not guessed."""
    plain = (
        "{{ config(materialized='table') }}\nselect * from {{ source('raw', \"src\") }} join {{ ref('b') }} using (id)"
    )
    entry = node(A, SRC, B, raw_code=plain)
    project = Manifest(manifest(source(SRC), node(B), entry))
    assert project.sql(A) == 'select * from "d"."raw"."src" join "d"."s"."b" using (id)'
    for raw in ("select {{ star() }}", "{% if x %} select 1 {% endif %}", "select * from {{ ref('z') }}"):
        document = manifest(source(SRC), node(B), node(A, SRC, B, raw_code=raw))
        assert Manifest(document).sql(A) is None, f"{raw} can't be told without Jinja"
    told = [id_ for id_ in article("athena").stored() if article("athena").sql(id_)]
    assert len(told) == 7, "the article's Athena project was never compiled, and all of its SQL can be told"


def test_events_conform_to_the_specification() -> None:
    """Every event, and every facet whose schema the specification has, is what that schema allows."""
    entry = node(A, SRC, description="All.", meta={"owner": "ann", "n": 1}, tags=["t"], compiled_code="select 1")
    board = {"unique_id": "exposure.p.board", "name": "board", "type": "dashboard", "depends_on": {"nodes": [A]}}
    tests = (node(TEST, A, test_metadata=UNIQUE), node("test.p.alone", A))
    document = manifest(source(SRC), entry, node(B), *tests, exposures={"exposure.p.board": board})
    told = results(
        result(A, adapter_response={"rows_affected": 7, "bytes_processed": 9, "query_id": "q"}),
        result(B, "error", message="no"),
        *(result(test["unique_id"], "fail", failures=1) for test in tests),
    )
    everything = [*made(document, told, catalog(A, {"id": "bigint"}, {})), *made(document), *article_events()]
    keys = {key for event in everything for key in event.get("run", {}).get("facets", {})}
    assert {"parent", "tags", "test", "errorMessage", "externalQuery", "dbt_run"} <= keys, f"only {keys} are tried"
    specification = Specification()
    for event in everything:
        assert not (faults := specification.faults(event)), f"{event['job']['name']}: {faults}"


def test_artifacts_are_only_read() -> None:
    """Whoever gives them may use them afterwards."""
    document = json.loads((ARTICLE / "redshift_manifest.json").read_text("utf-8"))
    before = copy.deepcopy(document)
    made(document, results(result("model.dbt_redshift_sls.titles")))
    assert document == before, "the manifest was changed"
