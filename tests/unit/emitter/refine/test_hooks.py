"""Hooks of dbt as jobs: which tables each kind of hook reads and writes, and which hooks are unknown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emitter.dbt.backfill import Artifacts, DatasetLocation, Manifest, RunResults, events
from emitter.message_key import message_key
from emitter.refine import RefineOptions, Refiner
from tests.support.dbt.refinement_inputs import NAMESPACE, edges, event, facet, manifest, names, node
from tests.support.graph.graph_of_events import embedded

AUDIT = "insert into dev.shop.audit (id) select a from {{ this }}"
TEMPORARY = (
    "create temp table t (a int); insert into t select a from {{ this }}; alter table t rename to u; "
    "insert into dev.shop.audit select a from u"
)
RENAMED = (
    "create table dev.shop.x as select a from {{ this }}; drop table if exists dev.shop.audit; "
    "alter table dev.shop.x rename to audit"
)
DROPPED = (
    "create table dev.shop.x as select a from {{ this }}; insert into dev.shop.audit select a from dev.shop.x; "
    "drop table dev.shop.x"
)
CHANGED_AFTER = (
    "create table dev.shop.audit as select a, b from {{ this }}; "
    "alter table dev.shop.audit rename column b to c; alter table dev.shop.audit drop column a"
)
CHANGED_BETWEEN = (
    "create temp table t as select a, b from {{ this }}; alter table t drop column a; "
    "alter table t add column x int; insert into dev.shop.audit (y, z) select * from t"
)
CHANGED_BEFORE = (
    "create table dev.shop.audit (a int); alter table dev.shop.audit add column b int; "
    "insert into dev.shop.audit select b, a from {{ this }}"
)
RAW = node("source.p.shop.raw", columns="a b")
GIVEN = event("model.p.m", "dev.shop.raw", output="dev.shop.m")
END = {
    **event("x"),
    "job": {"namespace": "dbt", "name": "dbt-run-p", "facets": {"jobType": facet(jobType="JOB")}},
    "run": {"runId": "01a1fc7f-0000-75d1-b91b-1e46bc29e91e", "facets": {}},
}
del END["inputs"], END["outputs"]


def project(*hooks: str, kind: str = "post-hook", adapter: str = "redshift", on_run: tuple[str, ...] = ()) -> Any:
    """The manifest of a model with hooks, and of a run with hooks at its end."""
    model = node("model.p.m", "source.p.shop.raw", sql="select a, b from dev.shop.raw")
    model["config"][kind] = [{"sql": sql, "transaction": True, "index": None} for sql in hooks]
    document = manifest(RAW, model, adapter=adapter)
    document["metadata"] |= {
        "project_name": "p",
        "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
    }
    for number, sql in enumerate(on_run):
        document["nodes"] |= operation("p", number, sql)
    return document


def operation(package: str, number: int, sql: str, place: str = "on-run-end", **more: Any) -> dict[str, Any]:
    """A hook of a run as dbt's manifest has it."""
    unique_id = f"operation.{package}.{package}-{place}-{number}"
    own = {"unique_id": unique_id, "package_name": package, "resource_type": "operation", "raw_code": sql}
    return {unique_id: own | more}


def made(document: dict[str, Any], given: dict[str, Any] = GIVEN) -> tuple[list[dict[str, Any]], list[str]]:
    """The events of the hooks of a node's event, and the report."""
    refiner = Refiner(document)
    return refiner.hooks(refiner.refine(given)), refiner.report()


def flows(found: list[dict[str, Any]]) -> list[tuple[str, list[str], list[str]]]:
    """Job, inputs and outputs of some events."""
    return [(each["job"]["name"], names(each["inputs"]), names(each["outputs"])) for each in found]


@pytest.mark.parametrize(
    ("sql", "read", "written"),
    [
        (AUDIT, ["dev.shop.m"], "dev.shop.audit"),
        ("insert into dev.shop.audit values (1, 'm')", [], "dev.shop.audit"),
        ("create table dev.shop.copy as select * from {{ ref('m') }}", ["dev.shop.m"], "dev.shop.copy"),
        ("create or replace view dev.shop.v as select * from {{this}}", ["dev.shop.m"], "dev.shop.v"),
        ("unload ('select a from {{ this }}') to 's3://lake/m/' iam_role default", ["dev.shop.m"], "m"),
        ("copy {{ this }} from 's3://lake/in/m' iam_role default csv", ["in/m"], "dev.shop.m"),
        ("insert into {{ this.schema }}.audit select a from {{ this }}", ["dev.shop.m"], "dev.shop.audit"),
        ("insert into {{ source('shop', 'raw') }} select * from {{- this -}}", ["dev.shop.m"], "dev.shop.raw"),
        ("delete from dev.shop.audit where a in (select a from {{ this }})", ["dev.shop.m"], "dev.shop.audit"),
        ("update dev.shop.audit set n = m.a from {{ this }} m where m.b = audit.b", ["dev.shop.m"], "dev.shop.audit"),
        (
            "{# kept #} begin; insert into dev.shop.audit select a from dev.raw2.t; commit",
            ["dev.raw2.t"],
            "dev.shop.audit",
        ),
        (
            "create temp table t as select a from {{ this }}; insert into dev.shop.audit select * from t; drop table t",
            ["dev.shop.m"],
            "dev.shop.audit",
        ),
        (
            TEMPORARY,
            ["dev.shop.m"],
            "dev.shop.audit",
        ),
        (
            "select a into #t from {{ this }}; insert into dev.shop.audit select * from #t",
            ["dev.shop.m"],
            "dev.shop.audit",
        ),
        (
            RENAMED,
            ["dev.shop.m"],
            "dev.shop.audit",
        ),
        (
            DROPPED,
            ["dev.shop.m"],
            "dev.shop.audit",
        ),
        ("grant select on {{ this }} to x; insert into dev.shop.audit values (1)", [], "dev.shop.audit"),
        (
            "merge into dev.shop.audit using {{ this }} m on audit.a = m.a when matched then update set b = m.b",
            ["dev.shop.m"],
            "dev.shop.audit",
        ),
    ],
)
def test_a_hook_that_moves_rows_is_a_job(sql: str, read: list[str], written: str) -> None:
    """Its inputs are the tables and files that it reads, its output is the one that it writes."""
    found, report = made(project(sql))
    assert flows(found) == [("model.p.m.post-hook.1", read, [written])]
    assert report == []


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        (CHANGED_AFTER, {"c": "b"}),
        (CHANGED_BETWEEN, {"y": "b"}),
        (CHANGED_BEFORE, {"a": "b", "b": "a"}),
    ],
)
def test_columns_that_change_on_the_way(sql: str, columns: dict[str, str]) -> None:
    """ALTER TABLE counts for what was written before it and for what is read and written after it."""
    ((job,), report) = made(project(sql))
    assert edges(job) == {("dev.shop.m", source, column) for column, source in columns.items()}
    assert report == []


@pytest.mark.parametrize("adapter", ["redshift", "athena", "duckdb", "postgres"])
@pytest.mark.parametrize(
    "sql",
    [
        "grant select on {{ this }} to group bi",
        "vacuum {{ this }}",
        "analyze {{ this }}",
        "comment on table {{ this }} is 'orders'",
        "delete from {{ this }} where a < 3",
        "truncate table dev.shop.audit",
        "drop table if exists dev.shop.old",
        "select 1",
        "",
    ],
)
def test_a_hook_that_moves_no_rows_is_none(sql: str, adapter: str) -> None:
    """It has no event, and nothing about it is unknown."""
    assert made(project(sql, adapter=adapter)) == ([], [])


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("{{ audit(this) }}", "its Jinja does more than name tables"),
        ("{% if is_incremental() %} select 1 {% endif %}", "its Jinja does more than name tables"),
        ("insert into {{ target.schema }}.audit select 1", "its Jinja does more than name tables"),
        ("insert into dev.shop.audit select * from {{ ref('gone') }}", "its Jinja does more than name tables"),
        ("insert into audit select a from {{ this }}", "it is not certain which table audit is"),
        ("call dev.shop.refresh()", "what CALL does is not in its text"),
        ("insert into (", "sqlglot can't read it as redshift"),
    ],
)
def test_an_unknown_hook_is_counted_and_named(sql: str, reason: str) -> None:
    """It has no event, and the report says which hook it is, and why."""
    found, [report] = made(project(sql))
    assert found == []
    assert report.startswith(f"the lineage of 1 hook is unknown (model.p.m.post-hook.1): {reason}")


def test_a_table_on_the_way_is_read_where_it_stays() -> None:
    """Not so one that the hook drops again."""
    found, _ = made(
        project(
            "create table dev.shop.x as select * from {{ this }}; insert into dev.shop.y (c) select b from dev.shop.x"
        )
    )
    assert [(names(each["inputs"]), names(each["outputs"])) for each in found] == [
        (["dev.shop.m"], ["dev.shop.x"]),
        (["dev.shop.x"], ["dev.shop.y"]),
    ]
    assert edges(found[1]) == {("dev.shop.x", "b", "c")}


def test_many_unknown_hooks_are_one_sentence() -> None:
    """The first are named, the others are counted."""
    _, [report] = made(project(*["{{ audit() }}"] * 5))
    shown = ", ".join(f"model.p.m.post-hook.{number}" for number in (1, 2, 3))
    assert report.startswith(f"the lineage of 5 hooks is unknown ({shown}, and 2 more): ")


def test_each_table_of_a_hook_is_a_job_of_its_own() -> None:
    """So that the edges into one table are its own sources alone; hooks are numbered as the project has them."""
    both = "insert into dev.shop.x select a from {{ this }}; insert into dev.shop.y select b from dev.shop.raw"
    found, _ = made(project("grant select on {{ this }} to x", both))
    assert flows(found) == [
        ("model.p.m.post-hook.2.1", ["dev.shop.m"], ["dev.shop.x"]),
        ("model.p.m.post-hook.2.2", ["dev.shop.raw"], ["dev.shop.y"]),
    ]
    assert len({each["run"]["runId"] for each in found}) == len(found)


@pytest.mark.parametrize("kind", ["pre-hook", "pre_hook", "post-hook", "post_hook"])
def test_before_and_after_a_node(kind: str) -> None:
    """dbt-core and dbt v2 spell the key in two ways."""
    found, _ = made(project(AUDIT, kind=kind))
    assert flows(found) == [(f"model.p.m.{kind.replace('_', '-')}.1", ["dev.shop.m"], ["dev.shop.audit"])]
    assert edges(found[0]) == {("dev.shop.m", "a", "id")}


def test_the_run_of_a_hook_is_a_child_of_its_nodes_run() -> None:
    """Its root is the node's root, so that it has the node's key; sending it twice gives the same ids."""
    given = {
        **GIVEN,
        "run": {"runId": GIVEN["run"]["runId"], "facets": {"parent": facet(run=END["run"], job=END["job"])}},
    }
    for each in (GIVEN, given):
        [found], _ = made(project(AUDIT), each)
        parent = found["run"]["facets"]["parent"]
        assert parent["run"] == {"runId": each["run"]["runId"]}
        assert parent["job"] == {"namespace": "dbt", "name": "model.p.m"}
        assert message_key(found) == message_key(each), "the key decides the order in a topic"
        assert made(project(AUDIT), each)[0] == [found]


def times(found: list[dict[str, Any]]) -> dict[str, str]:
    """The time of each hook's run, by the place of the hook."""
    return {each["job"]["name"].rpartition(".")[0].rpartition(".")[2]: each["eventTime"] for each in found}


@pytest.mark.parametrize("is_start_seen", [True, False])
def test_a_hook_has_the_time_of_its_place(*, is_start_seen: bool) -> None:
    """What runs first has the START's time, so that what reads its table is not older; else the end's."""
    document = project(AUDIT, on_run=("insert into dev.shop.log select 1",))
    document["nodes"]["model.p.m"]["config"]["pre-hook"] = [{"sql": AUDIT}]
    document["nodes"] |= operation("p", 0, "insert into dev.shop.first select 1", "on-run-start")
    refiner, began, ended = Refiner(document), "2026-11-21T05:00:00Z", GIVEN["eventTime"]
    for given in (END, GIVEN) if is_start_seen else ():
        assert refiner.hooks({**given, "eventType": "START", "eventTime": began}) == []
    first = began if is_start_seen else ended
    assert times(refiner.hooks(refiner.refine(GIVEN))) == {"pre-hook": first, "post-hook": ended}
    assert times(refiner.hooks(END)) == {"on-run-start": first, "on-run-end": ended}
    assert times(refiner.hooks(END, "2026-11-21T04:59:59Z"))["on-run-start"] == "2026-11-21T04:59:59Z"


@pytest.mark.parametrize(
    "given",
    [
        {**GIVEN, "eventType": "START"},
        {**GIVEN, "eventType": "FAIL", "outputs": []},
        event("model.p.m", "dev.shop.m", job_type="TEST"),
    ],
    ids=["START", "FAIL", "the tests of a model"],
)
def test_only_a_completed_node_has_hooks(given: dict[str, Any]) -> None:
    """That a hook ran is claimed only if its node has completed."""
    assert made(project(AUDIT), given)[0] == []


def test_without_column_lineage_there_are_none() -> None:
    """They come from SQL, which is not read then."""
    refiner = Refiner(project(AUDIT, "{{ audit() }}"), options=RefineOptions(column_lineage=False))
    assert (refiner.hooks(refiner.refine(GIVEN)), refiner.report()) == ([], [])


def test_hooks_of_a_run() -> None:
    """They belong to dbt's own run, those of packages too, and the SQL that ran goes before the project's."""
    document = project(on_run=("insert into dev.shop.log select a from {{ ref('m') }}", "{{ audit() }}"))
    document["nodes"] |= operation("q", 0, "{{ q.log() }}", compiled_code="insert into dev.q.log select 1")
    refiner = Refiner(document)
    assert refiner.hooks(END) == [], "without an event of a node, the warehouse is unknown"
    refiner.refine(GIVEN)
    found = refiner.hooks(END)
    assert flows(found) == [
        ("dbt-run-p.on-run-end.1", ["dev.shop.m"], ["dev.shop.log"]),
        ("dbt-run-p.q.on-run-end.1", [], ["dev.q.log"]),
    ]
    assert found[0]["run"]["facets"]["parent"]["run"] == {"runId": END["run"]["runId"]}
    assert [each["job"]["facets"]["dbt_node"].get("root_project") for each in found] == [None, "p"]
    assert found[0]["outputs"][0]["namespace"] == NAMESPACE
    [report] = refiner.report()
    assert "1 hook is unknown (operation.p.p-on-run-end-1)" in report
    assert refiner.hooks({**END, "eventType": "FAIL"}) == []
    assert refiner.hooks({**END, "job": {**END["job"], "facets": {}}}) == [], "an event of something else"


def test_columns_of_a_run_s_hook_are_those_of_the_models() -> None:
    """A star of a model's table has the columns that the model's SQL gives it."""
    refiner = Refiner(project(on_run=("create table dev.shop.log as select * from {{ ref('m') }}",)))
    refiner.refine(GIVEN)
    [found] = refiner.hooks(END)
    assert edges(found) == {("dev.shop.m", "a", "a"), ("dev.shop.m", "b", "b")}


def test_ref_means_the_node_of_the_same_package_first() -> None:
    """Of two packages' models of one name, dbt takes the one of the hook's own package, or the one that is named."""
    document = project(on_run=("insert into dev.shop.log select 1 from {{ ref('m') }}, {{ ref('a', 'm') }}",))
    other = {**node("model.a.m", sql="select 1 as x"), "schema": "other", "package_name": "a"}
    own = {**document["nodes"].pop("model.p.m"), "package_name": "p"}
    document["nodes"] = {"model.a.m": other, "model.p.m": own, **document["nodes"]}
    refiner = Refiner(document)
    refiner.refine(GIVEN)
    [found] = refiner.hooks(END)
    assert names(found["inputs"]) == ["dev.shop.m", "dev.other.m"]


def test_backfill_has_the_hooks_of_a_run_and_of_a_description() -> None:
    """The graph is the same; without results nothing ran, so a hook is a definition."""
    document = project(AUDIT, on_run=("insert into dev.shop.log select a from {{ ref('m') }}",))
    timing = [{"name": "execute", "started_at": "2026-11-21T05:00:01Z", "completed_at": "2026-11-21T05:00:02Z"}]
    ran = {
        "metadata": {"generated_at": "2026-11-21T05:01:00Z", "invocation_id": "i1"},
        "args": {"which": "run"},
        "results": [{"unique_id": "model.p.m", "status": "success", "timing": timing, "adapter_response": {}}],
    }
    graphs = []
    for results in (RunResults(ran), None):
        refiner = Refiner(document)
        artifacts = Artifacts(Manifest(document), results)
        found = list(events(artifacts, DatasetLocation(NAMESPACE), refine=refiner.refine, hooks=refiner.hooks))
        hooks = [each for each in found if each["job"]["facets"]["jobType"]["jobType"] == "HOOK"]
        assert len(hooks) == 2
        assert all(("run" in each) == (results is not None) for each in hooks)
        graphs.append(json.loads(embedded([found])))
    for part in ("datasets", "dataset_edges", "column_edges"):
        assert graphs[0][part] == graphs[1][part], part
    fed = {(source[1], target[1]) for source, target, _ in graphs[0]["dataset_edges"]}
    assert fed == {("dev.shop.raw", "dev.shop.m"), ("dev.shop.m", "dev.shop.audit"), ("dev.shop.m", "dev.shop.log")}


def test_a_hook_is_one_job_whatever_the_command() -> None:
    """`dbt build` and `dbt run` name a model's job in two ways; a hook that has changed leaves nothing behind."""
    first, _ = made(project(AUDIT))
    other = {**GIVEN, "eventTime": "2026-11-22T05:00:00Z", "run": {**GIVEN["run"], "runId": END["run"]["runId"]}}
    other["job"] = {**other["job"], "name": "dev.shop.m.build.run"}
    second, _ = made(project("insert into dev.shop.log select 1 as id"), other)
    found = json.loads(embedded([[*first, *second]]))
    assert [(job["name"], job["type"]) for job in found["jobs"] if job["type"]] == [("model.p.m.post-hook.1", "HOOK")]
    assert (found["dataset_edges"], [written[1] for _, written in found["writes"]]) == ([], ["dev.shop.log"])
