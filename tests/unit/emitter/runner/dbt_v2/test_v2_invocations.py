"""Invocations of dbt v2 by their telemetry: one graph, whatever of manifest and telemetry there is, and when."""

from __future__ import annotations

import copy
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from emitter.dbt.backfill import Artifacts, DatasetLocation, Event, Manifest, RunResults, events
from emitter.refine import Refiner
from emitter.runner.dbt_v2.telemetry_messages import is_needed
from emitter.runner.dbt_v2.v2_invocations import Invocations
from tests.support.dbt.fake_dbt_v2 import SAMPLES, write_project
from tests.support.graph.graph_of_events import embedded

Record = dict[str, Any]
LOCATION_FIELDS = {
    "duckdb": DatasetLocation("duckdb://dev.duckdb"),
    "redshift": DatasetLocation("redshift://wg.us-east-1:5439"),
}
PARTS = ("datasets", "reads", "writes", "dataset_edges", "column_edges")
WHOLE = "dbt-run-shop"
ORDERS = "dev.shop.shop.orders.build.run"
BEGAN = 1795162504000000000
adapters = pytest.mark.parametrize("adapter", ["duckdb", "redshift"])


class Folder:
    """A project's folder, in which a sample of dbt v2 is told record by record.

    Args:
        path: An empty folder.
        adapter: The sample.
    """

    def __init__(self, path: Path, adapter: str = "duckdb") -> None:
        self.path, self.sample = path, SAMPLES / adapter
        self.target = path / "target"
        write_project(path, adapter)
        lines = (self.sample / "logs" / "otel.jsonl").read_bytes().splitlines()
        self.records: list[Record] = [json.loads(line) for line in lines if is_needed(line)]
        self.manifest: Record = json.loads((self.sample / "target" / "manifest.json").read_text())
        self.is_changed = False

    def put(self, name: str, document: Record | None = None) -> None:
        """Writes an artifact: the sample's, another one, or the changed manifest."""
        self.target.mkdir(exist_ok=True)
        if document is None and self.is_changed and name == "manifest.json":
            document = self.manifest
        text = json.dumps(document) if document else (self.sample / "target" / name).read_text()
        (self.target / name).write_text(text)

    def earlier(self, change: Callable[[Record], object] = lambda _: None) -> None:
        """Puts the manifest of an earlier run, with a change."""
        document = copy.deepcopy(self.manifest)
        document["metadata"]["invocation_id"] = "an earlier one"
        change(document)
        self.put("manifest.json", document)

    def follow(self, records: list[Record] | None = None, *, writes: bool = True, **handover: Any) -> Iterator[Event]:
        """The events as they come; dbt's artifacts are there when it says so, if it writes any."""
        reported = {"name": "Handover", "program": "dbt", "arguments": ["build"], "is_v2": False, "began": BEGAN}
        environ = {"HOME": str(self.path)}
        invocations = Invocations({**reported, **handover}, environ, self.path)
        for record in self.records if records is None else records:
            name = record["event_type"].rpartition(".")[2]
            if name == "ArtifactWritten" and record["record_type"] == "SpanEnd" and writes:
                path = Path(record["attributes"]["relative_path"])
                self.put(path.name)
            yield from invocations.take(record)
        yield from invocations.end()

    def artifacts(self, change: Callable[[Record], object] = lambda _: None) -> list[Event]:
        """What backfill makes of the sample, with changed run results."""
        read = {name: json.loads((self.sample / "target" / f"{name}.json").read_text()) for name in FILES}
        change(read["run_results"])
        manifest = copy.deepcopy(self.manifest) if self.is_changed else read["manifest"]
        found = Artifacts(Manifest(manifest), RunResults(read["run_results"]), read["catalog"])
        refiner = Refiner(found.manifest.document, found.catalog)
        place = LOCATION_FIELDS[found.manifest.adapter]
        return list(events(found, place, refine=refiner.refine, hooks=refiner.hooks))


FILES = ("manifest", "run_results", "catalog")


def graph(found: list[Event]) -> Record:
    """What the events come to, without runs' times."""
    return {part: value for part, value in _exported(json.dumps(found)).items() if part in PARTS}


@lru_cache(maxsize=8)
def _exported(found: str) -> Record:
    """The export of events; kept, as a test compares several of its parts."""
    return dict(json.loads(embedded([json.loads(found)])))


def states(found: list[Event]) -> dict[str, list[str]]:
    """The states of each job in their order."""
    shown: dict[str, list[str]] = {}
    for event in found:
        if "run" in event:
            shown.setdefault(event["job"]["name"], []).append(event["eventType"])
    return shown


def runs(found: list[Event]) -> dict[tuple[str, str], str]:
    """The state of each run, by its job and id."""
    document = _exported(json.dumps(found))
    return {(run["job"][1], run["id"]): run["state"] for run in document["runs"]}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """The project on DuckDB."""
    return Folder(tmp_path)


@adapters
@pytest.mark.parametrize("earlier", ["none", "the same", "another"])
def test_telemetry_and_artifacts_are_one_graph(tmp_path: Path, adapter: str, earlier: str) -> None:
    """Law: with whatever manifest was there before; the runs are the same ones, in the same states."""
    folder = Folder(tmp_path, adapter)
    if earlier == "the same":
        folder.earlier()
    elif earlier == "another":
        folder.earlier(_change_all)
    live, left = list(folder.follow()), folder.artifacts()
    assert graph(live) == graph(left)
    unit = {key: state for key, state in runs(live).items() if key[0].startswith("unit_test.")}
    assert {key: state for key, state in runs(live).items() if key not in unit} == runs(left)
    assert list(unit.values()) == ["COMPLETE"], "backfill tells nothing of unit tests"


def _describe(document: Record) -> None:
    document["nodes"]["model.shop.report.v2"]["description"] = "As it was."


def _change_all(document: Record) -> None:
    for node in document["nodes"].values():
        node["checksum"]["checksum"] = "other"
        node["depends_on"]["nodes"] = ["model.shop.gone"]


def test_starts_are_told_at_once_and_ends_with_the_manifest(folder: Folder) -> None:
    """Without an earlier manifest a node's start is told while it runs, without what it reads."""
    found = list(folder.follow())
    order = [(event["job"]["name"], event["eventType"]) for event in found if "run" in event]
    ends = [position for position, (name, state) in enumerate(order) if state == "COMPLETE" and name.startswith("dev.")]
    starts = [position for position, (name, state) in enumerate(order) if state == "START" and name.endswith(".run")]
    assert max(starts) < min(ends)
    started = next(event for event in found if event["job"]["name"] == ORDERS)
    assert (started["inputs"], started["outputs"][0]["name"]) == ([], "dev.shop.orders")
    assert states(found)[ORDERS] == ["START", "COMPLETE"]


def test_ends_are_told_at_once_where_an_earlier_manifest_fits(folder: Folder) -> None:
    """Nothing waits for the end, and nothing is told twice."""
    folder.earlier()
    found = list(folder.follow())
    order = [(event["job"]["name"], event["eventType"]) for event in found if "run" in event]
    assert order.index((ORDERS, "COMPLETE")) < order.index(("dev.shop.shop.report.v2.build.run", "START"))
    assert set(map(tuple, (v for k, v in states(found).items() if k.endswith(".run")))) == {("START", "COMPLETE")}


@pytest.mark.parametrize(
    "change",
    [
        lambda node: node["checksum"].update(checksum="0"),
        lambda node: node.update(schema="elsewhere", relation_name='"dev"."elsewhere"."orders"'),
        lambda node: node.update(alias="orders_before", relation_name='"dev"."shop"."orders_before"'),
        lambda node: node["depends_on"].update(nodes=["model.shop.report.v2"]),
    ],
    ids=["code", "schema", "alias", "parents"],
)
def test_a_node_that_has_changed_waits(folder: Folder, change: Callable[[Record], None]) -> None:
    """By its code, its place or its parents; so do those that read it, all others are told at once."""

    def changed(document: Record) -> None:
        document.pop("parent_map")
        change(document["nodes"]["model.shop.orders"])

    folder.earlier(changed)
    found = list(folder.follow())
    order = [(event["job"]["name"], event["eventType"]) for event in found if "run" in event]
    report = "dev.shop.shop.report.v2.build.run"
    assert order.index((ORDERS, "START")) < order.index((report, "START")) < order.index((ORDERS, "COMPLETE"))
    assert order.index(("dev.shop.shop.customers.build.run", "COMPLETE")) < order.index((report, "START"))
    assert graph(found) == graph(folder.artifacts())


def test_what_only_the_yaml_has_changed_is_corrected(folder: Folder) -> None:
    """The code is the same, so the end is told at once; the manifest of this run corrects it, in the same run."""

    def changed(document: Record) -> None:
        document["nodes"]["model.shop.orders"]["description"] = "As it was."

    folder.earlier(changed)
    found = list(folder.follow())
    reported = [event for event in found if event.get("job", {}).get("name") == ORDERS]
    assert [event["eventType"] for event in reported] == ["START", "COMPLETE", "COMPLETE"]
    first, last = (event["outputs"][0]["facets"].get("documentation") for event in reported[1:])
    assert first["description"] == "As it was."
    assert last != first
    assert reported[1]["run"]["runId"] == reported[2]["run"]["runId"]
    assert reported[1]["eventTime"] < reported[2]["eventTime"], "of two values of one run the later one counts"
    others = {job: seen for job, seen in states(found).items() if job.endswith(".run") and job != ORDERS}
    assert set(map(tuple, others.values())) == {("START", "COMPLETE")}, "what has not changed is not told again"


@adapters
def test_without_a_manifest_the_sql_is_what_is_known(
    tmp_path: Path, adapter: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With --no-write-json: the same tables and edges, and one line that says so."""
    folder = Folder(tmp_path, adapter)
    found, expected = graph(list(folder.follow(writes=False))), graph(folder.artifacts())
    assert found["dataset_edges"] == expected["dataset_edges"]
    missing = [edge for edge in expected["column_edges"] if edge not in found["column_edges"]]
    assert {target[2] for _, target, _ in missing} == {"dbt_scd_id"}, "which the snapshot's configuration tells"
    assert [record.message for record in caplog.records if "no manifest of this run" in record.message]


def test_an_earlier_manifest_that_fits_needs_no_other(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    """With --no-write-json all that was known before is told."""
    folder.earlier()
    assert graph(list(folder.follow(writes=False)))["dataset_edges"] == graph(folder.artifacts())["dataset_edges"]
    assert not [record for record in caplog.records if "no manifest of this run" in record.message]


def _until(records: list[Record], name: str, unique_id: str, kind: str) -> list[Record]:
    for position, record in enumerate(records):
        attributes = record["attributes"]
        of_node = attributes.get("unique_id") == unique_id and record["event_type"].endswith(name)
        if of_node and record["record_type"] == kind and attributes.get("phase") in (None, "EXECUTION_PHASE_RUN"):
            return records[: position + 1]
    raise AssertionError(f"there is no {kind} of {name} of {unique_id}")


@pytest.mark.parametrize("earlier", [False, True])
def test_a_killed_dbt_aborts_what_had_not_finished(folder: Folder, *, earlier: bool) -> None:
    """And nothing else: what had finished stays so, by an earlier manifest or by its SQL."""
    if earlier:
        folder.earlier()
    records = _until(folder.records, "NodeEvaluated", "model.shop.orders", "SpanStart")
    found = states(list(folder.follow(records, writes=False)))
    assert (found[ORDERS], found[WHOLE]) == (["START", "ABORT"], ["START", "ABORT"])
    assert found["dev.shop.shop.stg_customers.build.run"] == ["START", "COMPLETE"]


@pytest.mark.parametrize("earlier", [False, True])
def test_an_interrupted_dbt_aborts_what_had_not_finished(folder: Folder, *, earlier: bool) -> None:
    """It closes what is open with an error, and then stamps an error on all nodes in its artifacts."""
    if earlier:
        folder.earlier()
    records = _until(folder.records, "NodeEvaluated", "model.shop.orders", "SpanStart")
    cut = {"record_type": "SpanEnd", "end_time_unix_nano": records[-1]["start_time_unix_nano"], "status": None}
    node = {**records[-1]["attributes"], "node_outcome": "NODE_OUTCOME_ERROR"}
    processed = {**records[-1], **cut, "event_type": "v1.public.events.fusion.node.NodeProcessed", "attributes": node}
    begun = next(record for record in records if record["event_type"].endswith("Invocation"))

    def follow() -> Iterator[Event]:
        yield from folder.follow([*records, processed, {**begun, **cut}], writes=False)

    cancelled = json.loads((SAMPLES / "duckdb" / "target-cancelled" / "manifest.json").read_text())
    if not earlier:
        folder.put("manifest.json", cancelled)
    found = states(list(follow()))
    assert (found[ORDERS], found[WHOLE]) == (["START", "ABORT"], ["START", "ABORT"])
    assert found["dev.shop.shop.stg_customers.build.run"] == ["START", "COMPLETE"]


def _outcome(records: list[Record], unique_id: str, **attributes: Any) -> list[Record]:
    """The records with another outcome of a node, which has not been executed."""
    kept = [copy.deepcopy(record) for record in records if not _executes(record, unique_id)]
    for record in kept:
        if record["attributes"].get("unique_id") == unique_id and record["event_type"].endswith("NodeProcessed"):
            record["attributes"].update(attributes)
    return kept


def _executes(record: Record, unique_id: str) -> bool:
    return bool(record["attributes"].get("unique_id") == unique_id and record["event_type"].endswith("NodeEvaluated"))


@pytest.mark.parametrize("reason", ["CACHED", "UPSTREAM", "NO_OP"])
@pytest.mark.parametrize("earlier", [False, True])
def test_what_was_not_executed_is_no_run(folder: Folder, reason: str, *, earlier: bool) -> None:
    """Reused or skipped, and dbt's own run is complete."""
    if earlier:
        folder.earlier()
    skipped = {"node_outcome": "NODE_OUTCOME_SKIPPED", "node_skip_reason": f"NODE_SKIP_REASON_{reason}"}
    found = states(list(folder.follow(_outcome(folder.records, "model.shop.orders", **skipped))))
    assert ORDERS not in found
    assert found[WHOLE] == ["START", "COMPLETE"]


@pytest.mark.parametrize(
    "change", [None, lambda _: None, _change_all, _describe], ids=["none", "the same", "another", "described"]
)
def test_skipped_nodes_are_the_same_by_telemetry_and_artifacts(
    folder: Folder, change: Callable[[Record], None] | None
) -> None:
    """Law: one ABORT for each, with the failed node's name, in the same run, whatever manifest was there before."""
    if change is not None:
        folder.earlier(change)
    live, left = list(folder.follow(_with_a_failure(folder.records))), folder.artifacts(_fail)
    expected = dict.fromkeys(["dev.shop.shop.report.v2.build.run", "dev.shop.shop.orders_then.build.snapshot"], FAILED)
    assert _skipped(live) == _skipped(left) == expected
    assert [states(live)[job] for job in expected] == [["ABORT"], ["ABORT"]]
    # The catalog's event, which backfill does not need, describes tables of earlier runs, too.
    edges = [part for part in PARTS if part != "datasets"]
    assert [graph(live)[part] for part in edges] == [graph(left)[part] for part in edges]
    own = {key: state for key, state in runs(live).items() if not key[0].startswith(("unit_test.", WHOLE))}
    assert own == {key: state for key, state in runs(left).items() if key[0] != WHOLE}


FAILED = "model.shop.orders failed"
BELOW = ("model.shop.report.v2", "snapshot.shop.orders_then")


def _with_a_failure(records: list[Record]) -> list[Record]:
    """The records of a run in which `orders` failed, and what reads it was skipped."""
    for unique_id in BELOW:
        skipped = {"node_outcome": "NODE_OUTCOME_SKIPPED", "node_skip_reason": "NODE_SKIP_REASON_UPSTREAM"}
        records = _outcome(records, unique_id, **skipped)
    for record in records:
        is_end = record["record_type"] == "SpanEnd" and record["event_type"].endswith("NodeProcessed")
        if is_end and record["attributes"]["unique_id"] == "model.shop.orders":
            record["attributes"]["node_outcome"] = "NODE_OUTCOME_ERROR"
            record["status"] = {"message": "no such column", "code": 2}
    return records


def _fail(results: Record) -> None:
    """The same in dbt's run results."""
    statuses = {"model.shop.orders": ("error", "no such column"), **dict.fromkeys(BELOW, ("skipped", "Skipped"))}
    for result in results["results"]:
        if found := statuses.get(result["unique_id"]):
            result["status"], result["message"] = found


def _skipped(found: list[Event]) -> dict[str, str]:
    """The reason of each skipped node, by its job."""
    facets = {event["job"]["name"]: event["run"]["facets"] for event in found if "run" in event}
    return {job: one["headwater_skipped"]["reason"] for job, one in facets.items() if "headwater_skipped" in one}


def test_an_outcome_that_is_not_known_is_reported(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    """It is neither a success nor a failure."""
    odd = _outcome(folder.records, "model.shop.orders", node_outcome="NODE_OUTCOME_OF_TOMORROW")
    found = states(list(folder.follow(odd)))
    assert (ORDERS in found, found[WHOLE]) == (False, ["START", "COMPLETE"])
    assert "unknown status 'of_tomorrow' of 1 node" in caplog.text


def test_records_without_details_are_enough(folder: Folder) -> None:
    """At the level info there is no SQL and no start of an execution: the manifest has the one, the node the other."""
    records = [record for record in folder.records if record["severity_number"] >= 9]
    found = list(folder.follow(records))
    assert graph(found) == graph(folder.artifacts())
    assert states(found)[ORDERS] == ["START", "COMPLETE"]


def test_without_telemetry_the_artifacts_are_told(folder: Folder) -> None:
    """As with `--log-level-file none`, under the same names and ids."""
    for name in FILES[:2]:
        folder.put(f"{name}.json")
    live, without = list(folder.follow()), list(folder.follow([]))
    assert runs(without) == runs(live)
    assert graph(without)["column_edges"] == graph(live)["column_edges"]


@pytest.mark.parametrize(
    ("change", "is_v2"),
    [
        (lambda results: results["metadata"].update(generated_at="2026-11-20T08:15:03Z"), True),
        (lambda results: results["metadata"].update(invocation_id="another"), True),
        (lambda results: results["metadata"].update(dbt_version="1.12.6"), False),
    ],
    ids=["of an earlier run", "of another manifest", "of dbt-core behind a wrapper"],
)
def test_artifacts_of_another_run_are_not_told(
    folder: Folder, change: Callable[[Record], None], caplog: pytest.LogCaptureFixture, *, is_v2: bool
) -> None:
    """Then there is no lineage, and one line says so."""
    results = json.loads((folder.sample / "target" / "run_results.json").read_text())
    change(results)
    folder.put("manifest.json")
    folder.put("run_results.json", results)
    assert list(folder.follow([], is_v2=is_v2)) == []
    assert [record.message[:18] for record in caplog.records] == ["no lineage is sent"]


@pytest.mark.parametrize("argument", ["--version", "deps", "debug"])
def test_where_no_lineage_is_expected_none_is_missed(
    folder: Folder, argument: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Such a command says nothing more than dbt does."""
    assert list(folder.follow([], arguments=[argument])) == []
    assert not caplog.records


def test_several_invocations_below_one_program(folder: Folder) -> None:
    """As of a wrapper that runs dbt twice: each is told by its own; one without lineage says nothing."""
    parse = json.loads(json.dumps(folder.records).replace('"command": "build"', '"command": "parse"'))
    again = json.loads(re.sub("019ac9f4", "019ac9f5", json.dumps(folder.records)))
    for record in parse:
        record["trace_id"] = "another"
    found = list(folder.follow([*parse, *folder.records, *again], writes=False))
    whole = [event["run"]["runId"] for event in found if event["job"]["name"] == WHOLE]
    assert Counter(Counter(whole).values()) == {2: 2}, "two runs of dbt with a start and an end each"


def test_of_the_users_own_file_the_first_invocation_is_ours(folder: Folder) -> None:
    """Others may append to it at the same time."""
    again = json.loads(re.sub("019ac9f4", "019ac9f5", json.dumps(folder.records)))
    found = list(folder.follow([*folder.records, *again], telemetry=[str(folder.path / "own"), 0]))
    assert states(found)[WHOLE] == ["START", "COMPLETE"]


@adapters
@pytest.mark.parametrize("earlier", ["none", "the same", "without hooks", "another"])
def test_hooks_are_jobs_whenever_the_manifest_comes(tmp_path: Path, adapter: str, earlier: str) -> None:
    """The audit table is fed by its model, and once for each run, also where a node's end is repeated."""
    folder = Folder(tmp_path, adapter)
    _add_hooks(folder.manifest)
    folder.is_changed = True
    if earlier == "the same":
        folder.earlier()
    elif earlier == "another":
        folder.earlier(_change_more)
    elif earlier == "without hooks":
        folder.earlier(_without_hooks)
    live, left = list(folder.follow()), folder.artifacts()
    assert graph(live) == graph(left)
    assert runs(live).items() >= runs(left).items()
    fed = {(source[1], target[1]) for source, target, _ in graph(live)["dataset_edges"]}
    assert {("dev.shop.orders", "dev.shop.audit"), ("dev.shop.orders", "dev.shop.log")} <= fed
    hooked = {name: ends for name, ends in states(live).items() if "post-hook" in name or "on-run" in name}
    assert sorted(hooked) == [f"{WHOLE}.on-run-end.1", f"{ORDERS}.post-hook.1"]


def _change_more(document: Record) -> None:
    _without_hooks(document)
    _change_all(document)


def _add_hooks(document: Record) -> None:
    end = "insert into dev.shop.log select count(*) as n from {{ ref('orders') }}"
    audit = "insert into dev.shop.audit (id) select order_id from {{ this }}"
    unique_id = "operation.shop.shop-on-run-end-0"
    document["nodes"][unique_id] = {"unique_id": unique_id, "package_name": "shop", "raw_code": end}
    document["nodes"]["model.shop.orders"]["config"]["post-hook"] = [{"sql": audit, "transaction": True}]


def _without_hooks(document: Record) -> None:
    del document["nodes"]["operation.shop.shop-on-run-end-0"]
    del document["nodes"]["model.shop.orders"]["config"]["post-hook"]


def test_a_project_that_moves_from_dbt_core_keeps_its_jobs(folder: Folder) -> None:
    """Names of jobs and datasets are those that dbt-core's events have, and nothing of its lineage is lost."""
    core = copy.deepcopy(folder.manifest)
    core["metadata"].update(dbt_version="1.12.6", invocation_id="of-core", generated_at="2026-11-19T08:00:00Z")
    results = json.loads(
        (folder.sample / "target" / "run_results.json").read_text().replace("2026-11-20", "2026-11-19")
    )
    results["metadata"].update(dbt_version="1.12.6", invocation_id="of-core")
    refine = Refiner(core).refine
    before = list(events(Artifacts(Manifest(core), RunResults(results)), LOCATION_FIELDS["duckdb"], refine=refine))
    after = [*before, *folder.follow(writes=False)]
    old, new = json.loads(embedded([before])), json.loads(embedded([after]))
    for part in ("dataset_edges", "datasets"):
        assert new[part] == old[part]
    jobs = [{job["name"] for job in document["jobs"]} for document in (old, new)]
    assert {name for name in jobs[1] - jobs[0] if not name.startswith("unit_test.")} == set()


def test_no_password_is_told(tmp_path: Path) -> None:
    """Of the profile only what names tables is read."""
    found = json.dumps(list(Folder(tmp_path, "redshift").follow()))
    assert "planted-secret" not in found
    assert "redshift://wg.us-east-1:5439" in found


def test_the_target_folder_is_where_dbt_has_it(folder: Folder) -> None:
    """By the project file, if no option names it."""
    (folder.path / "dbt_project.yml").write_text("name: shop\nprofile: shop\ntarget-path: made\n")
    folder.target = folder.path / "made"
    assert graph(list(folder.follow())) == graph(folder.artifacts())
    shutil.rmtree(folder.target)
    folder.target = folder.path / "other"
    found = list(folder.follow(arguments=["build", "--target-path", "other"]))
    assert graph(found) == graph(folder.artifacts())
