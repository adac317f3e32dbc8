"""Refining one event: inputs, outputs and facets as the manifest and the catalog have them."""

import copy
import sys
from typing import Any

import pytest

from emitter.refine import RefineOptions, Refiner
from tests.support.dbt.refinement_inputs import (
    NAMESPACE,
    dataset,
    edges,
    event,
    facet,
    manifest,
    names,
    node,
)
from tests.support.events.specification import Specification

ORDERS = node("source.p.shop.orders", identifier="tbl_orders", columns="id amount")
STAGED = node(
    "model.p.staged",
    "source.p.shop.orders",
    sql='with source as (select * from "dev"."shop"."tbl_orders") select id, amount * 2 as amount from source',
)
SEED = node("seed.p.rates", columns="id rate", config={"materialized": "seed"})
INNER = node("model.p.inner", "model.p.staged", "seed.p.rates", config={"materialized": "ephemeral"})
MART = node(
    "model.p.mart",
    "model.p.inner",
    sql="""with __dbt__cte__inner as (
      select s.*, r.rate from "dev"."shop"."staged" s join "dev"."shop"."rates" r on r.id = s.id
    ) select * from __dbt__cte__inner""",
)
HISTORY = node(
    "snapshot.p.history",
    "model.p.staged",
    sql='select * from "dev"."shop"."staged"',
    config={"materialized": "snapshot", "strategy": "timestamp", "updated_at": "amount", "unique_key": "id"},
)
READER = node("model.p.reader", "snapshot.p.history", sql='select * from "dev"."shop"."history"')
EXPOSURE = {
    "unique_id": "exposure.p.board",
    "name": "board",
    "type": "dashboard",
    "depends_on": {"nodes": [MART["unique_id"]]},
}
PROJECT = manifest(ORDERS, STAGED, SEED, INNER, MART, HISTORY, READER, exposures={"exposure.p.board": EXPOSURE})


def refine(given: dict[str, Any], project: dict[str, Any] = PROJECT, **options: Any) -> dict[str, Any]:
    """The event refined, after a check of it against the specification and of what it leaves unchanged."""
    before = copy.deepcopy(given)
    refined = Refiner(project, options=RefineOptions(**options)).refine(given)
    assert given == before, "the event that was given was changed"
    assert Specification().faults(refined) == []
    return refined


def test_an_ephemeral_model_is_seen_through() -> None:
    """Its parents feed its children, and the table that dbt-ol takes it for is gone."""
    refined = refine(event("model.p.mart", "dev.shop.inner", output="dev.shop.mart"))
    assert names(refined["inputs"]) == ["dev.shop.staged", "dev.shop.rates"]
    assert edges(refined) == {
        ("dev.shop.staged", "id", "id"),
        ("dev.shop.staged", "amount", "amount"),
        ("dev.shop.rates", "rate", "rate"),
    }


def test_a_source_has_its_identifier() -> None:
    """dbt-ol calls it by its name in the project; table, column lineage and symlink are the identifier's."""
    link = facet(identifiers=[{"namespace": "arn:aws:glue:x:1", "name": "table/shop/orders", "type": "TABLE"}])
    given = event("model.p.staged", output="dev.shop.staged", inputs=[dataset("dev.shop.orders", symlinks=link)])
    refined = refine(given)
    assert names(refined["inputs"]) == ["dev.shop.tbl_orders"]
    assert refined["inputs"][0]["facets"]["symlinks"]["identifiers"][0]["name"] == "table/shop/tbl_orders"
    assert edges(refined) == {("dev.shop.tbl_orders", "id", "id"), ("dev.shop.tbl_orders", "amount", "amount")}


def test_a_snapshot_is_an_input_with_its_own_columns() -> None:
    """What dbt adds to a snapshot comes from its key and its time of update, and goes on through `select *`."""
    written = refine(event("snapshot.p.history", "dev.shop.staged", output="dev.shop.history"))
    assert ("dev.shop.staged", "amount", "dbt_valid_from") in edges(written)
    assert {("dev.shop.staged", "id", "dbt_scd_id"), ("dev.shop.staged", "amount", "dbt_scd_id")} <= edges(written)
    read = refine(event("model.p.reader", output="dev.shop.reader"))
    assert names(read["inputs"]) == ["dev.shop.history"]
    assert ("dev.shop.history", "dbt_valid_to", "dbt_valid_to") in edges(read)


def test_schemas_are_inferred_without_a_catalog() -> None:
    """A model's schema is what its SQL returns, through stars of stars, in place of the columns that are documented."""
    read = refine(event("model.p.reader", output="dev.shop.reader"))
    fields = [field["name"] for field in read["outputs"][0]["facets"]["schema"]["fields"]]
    assert fields == ["id", "amount", "dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to"]


@pytest.mark.parametrize(("called", "column"), [({}, "dbt_is_deleted"), ({"dbt_is_deleted": "gone"}, "gone")])
def test_a_snapshot_that_keeps_deleted_rows(called: dict[str, str], column: str) -> None:
    """It has a column that says so, under the name that the project gives it."""
    config = HISTORY["config"] | {"hard_deletes": "new_record", "snapshot_meta_column_names": called}
    project = manifest(ORDERS, STAGED, HISTORY | {"config": config}, READER)
    read = refine(event("model.p.reader", output="dev.shop.reader"), project)
    assert [field["name"] for field in read["outputs"][0]["facets"]["schema"]["fields"]][-2:] == [
        "dbt_valid_to",
        column,
    ]
    assert ("dev.shop.history", column, column) in edges(read)


@pytest.mark.parametrize(("state", "told"), [("COMPLETE", True), ("START", False), ("FAIL", False)])
def test_exposures(state: str, *, told: bool) -> None:
    """Who uses a table is told when it was built."""
    refined = refine(event("model.p.mart", output="dev.shop.mart", eventType=state))
    assert ("dbt_exposures" in refined["outputs"][0]["facets"]) is told


def test_tags_and_the_owner_of_a_group() -> None:
    """What dbt-ol leaves out of a table is added; what it says of it stays."""
    staged = node("model.p.staged", ORDERS["unique_id"], tags=["gold"], config={"group": "finance"})
    staged["columns"] = {"id": {"name": "id", "tags": ["key"]}}
    groups = {"group.p.finance": {"name": "finance", "owner": {"name": "fin"}}}
    project = {**manifest(ORDERS, staged), "groups": groups}
    found = refine(event("model.p.staged", output="dev.shop.staged", eventType="COMPLETE"), project)["outputs"][0]
    assert [(tag["key"], tag.get("field")) for tag in found["facets"]["tags"]["tags"]] == [
        ("gold", None),
        ("key", "id"),
    ]
    assert found["facets"]["ownership"]["owners"] == [{"name": "fin", "type": "GROUP"}]
    given = event("model.p.staged", output="dev.shop.staged", eventType="COMPLETE")
    given["outputs"][0]["facets"]["ownership"] = facet(owners=[{"name": "ana"}])
    refined = refine(given, project)["outputs"][0]["facets"]
    assert refined["ownership"]["owners"] == [{"name": "ana"}]


def test_tests_and_unit_tests_write_nothing() -> None:
    """The table of a test's failures is no dataset, and a unit test reads none."""
    test = node("test.p.not_null_id", "model.p.staged", attached_node="model.p.staged", schema="shop_dbt_test__audit")
    project = manifest(ORDERS, STAGED, test)
    given = event(
        "test.p.not_null_id", "dev.shop.staged", output="dev.shop_dbt_test__audit.not_null_id", job_type="TEST"
    )
    refined = refine(given, project)
    assert (names(refined["inputs"]), refined["outputs"]) == (["dev.shop.staged"], [])
    unit = refine(event("unit_test.p.staged.adds", "dev.shop.staged", output="dev.shop.staged", job_type="TEST"))
    assert unit["inputs"] == unit["outputs"] == []


def assertions() -> dict[str, Any]:
    """A facet with one assertion."""
    return facet(assertions=[{"assertion": "relationships", "name": "rel", "success": False}])


@pytest.mark.parametrize("attached", [True, False])
def test_an_assertion_goes_to_the_dataset_that_is_tested(*, attached: bool) -> None:
    """dbt-ol says it of the test's last parent; older manifests tell the right one in the test's argument only."""
    metadata = {
        "name": "relationships",
        "kwargs": {"model": "{{ get_where_subquery(ref('staged')) }}", "column_name": "id"},
    }
    more = {"attached_node": "model.p.staged"} if attached else {}
    test = node(
        "test.p.rel", "model.p.staged", "seed.p.rates", test_metadata=metadata, config={"severity": "WARN"}, **more
    )
    project = manifest(ORDERS, STAGED, SEED, test)
    given = event("seed.p.rates", job_type="TEST")
    given["inputs"] = [dataset("dev.shop.rates", dataQualityAssertions=assertions())]
    refined = refine(given, project)
    placed = {found["name"]: found.get("inputFacets", {}) for found in refined["inputs"]}
    assert placed["dev.shop.rates"] == {}
    assert placed["dev.shop.staged"]["dataQualityAssertions"]["assertions"] == [
        {"assertion": "relationships", "name": "rel", "success": False, "column": "id", "severity": "warn"}
    ]


def test_a_test_of_an_ephemeral_model_has_no_dataset() -> None:
    """There is no table that its result could be said of."""
    test = node("test.p.rel", "model.p.inner", attached_node="model.p.inner")
    given = event("test.p.rel", job_type="TEST", inputs=[dataset("dev.shop.inner", dataQualityAssertions=assertions())])
    assert refine(given, manifest(ORDERS, STAGED, SEED, INNER, test))["inputs"] == []


def catalog(at: str) -> dict[str, Any]:
    """A catalog in which `staged` has a column that it has no more, and statistics."""
    columns = {name: {"name": name, "type": "bigint", "index": index} for index, name in enumerate(["id", "gone"])}
    stats = {"rows": {"value": 7.0}}
    return {"metadata": {"generated_at": at}, "nodes": {"model.p.staged": {"columns": columns, "stats": stats}}}


def staged_with(at: str) -> dict[str, Any]:
    """The output of `staged` with a catalog of some time, as dbt-ol has taken it."""
    given = event("model.p.staged", output="dev.shop.staged")
    given["outputs"][0]["facets"]["schema"] = facet(fields=[{"name": "gone", "type": "bigint"}])
    given["outputs"][0]["outputFacets"] = {"outputStatistics": facet(rowCount=7)}
    output: dict[str, Any] = Refiner(PROJECT, catalog(at)).refine(given)["outputs"][0]
    return output


def test_a_stale_catalog_is_not_taken_for_this_run() -> None:
    """A catalog older than the manifest tells of the table before the run: columns are the SQL's, rows are unknown."""
    output = staged_with("2026-11-20T05:00:00Z")
    assert output["facets"]["schema"]["fields"] == [{"name": "id"}, {"name": "amount"}]
    assert output["outputFacets"] == {}


def test_a_catalog_of_this_run_is_taken() -> None:
    """A catalog that was written after the manifest has the columns, their types and the rows."""
    output = staged_with("2026-11-21T05:00:01Z")
    assert output["facets"]["schema"]["fields"] == [
        {"name": "id", "type": "bigint"},
        {"name": "gone", "type": "bigint"},
    ]
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 7


def test_redshift_symlinks_only_by_configuration() -> None:
    """The naming rules' form is linked where the options say so, else nothing is."""
    given = event("model.p.staged", output="dev.shop.staged")
    rules = {NAMESPACE: "redshift://wg.us-east-1:5439"}
    linked = refine(given, redshift_rules=rules)
    for found in [*linked["inputs"], *linked["outputs"]]:
        assert found["facets"]["symlinks"]["identifiers"] == [
            {"namespace": rules[NAMESPACE], "name": found["name"], "type": "TABLE"}
        ]
    plain = refine(given)
    assert not [found for found in [*plain["inputs"], *plain["outputs"]] if "symlinks" in found["facets"]]


def test_glue_symlinks_without_sts() -> None:
    """With an account configured, Athena's tables have their Glue name; the region is the namespace's."""
    place = {"database": "awsdatacatalog"}
    project = manifest(
        node("source.p.shop.raw", **place), node("model.p.m", "source.p.shop.raw", **place), adapter="athena"
    )
    namespace = "awsathena://athena.eu-central-1.amazonaws.com"
    given = event("model.p.m", outputs=[{"namespace": namespace, "name": "AwsDataCatalog.shop.M", "facets": {}}])
    refined = refine(given, project, account_id="123456789012")
    assert [found["facets"]["symlinks"]["identifiers"][0] for found in refined["inputs"] + refined["outputs"]] == [
        {"namespace": "arn:aws:glue:eu-central-1:123456789012", "name": f"table/shop/{table}", "type": "TABLE"}
        for table in ("raw", "m")
    ]
    assert names(refined["outputs"]) == ["awsdatacatalog.shop.m"], "not in the engine's spelling"


PARTNER = {"namespace": "arn:aws:glue:eu-central-1:999999999999", "name": "table/sales/orders", "type": "TABLE"}


@pytest.mark.parametrize(
    ("account", "told", "kept"),
    [("123456789012", [], []), (None, [], []), ("123456789012", [PARTNER], [PARTNER])],
)
def test_a_table_of_another_catalog_is_not_the_own_glues(
    account: str | None, told: list[dict[str, str]], kept: list[dict[str, str]]
) -> None:
    """dbt-ol links `partner.sales.orders` with the own account's `sales.orders`, and would make them one."""
    theirs = node("source.p.shop.orders", database="partner", schema="sales")
    ours = node("model.p.orders", "source.p.shop.orders", database="awsdatacatalog", schema="sales")
    own = {"namespace": "arn:aws:glue:eu-central-1:123456789012", "name": "table/sales/orders", "type": "TABLE"}
    given = event("model.p.orders")
    for place, name, links in (("inputs", "partner", [own, *told]), ("outputs", "awsdatacatalog", [own])):
        named = {"namespace": "awsathena://athena.eu-central-1.amazonaws.com", "name": f"{name}.sales.orders"}
        given[place] = [named | {"facets": {"symlinks": facet(identifiers=links)}}]
    refined = refine(given, manifest(theirs, ours, adapter="athena"), account_id=account)
    assert refined["inputs"][0]["facets"].get("symlinks", {}).get("identifiers", []) == kept
    assert refined["outputs"][0]["facets"]["symlinks"]["identifiers"] == [own]


def stock_lineage() -> dict[str, Any]:
    """An event of `staged` with column lineage as dbt-ol has it, half of it from a CTE."""
    fields = {
        name: {"inputFields": [{"namespace": NAMESPACE, "name": table, "field": name}]}
        for name, table in (("id", "dev.shop.tbl_orders"), ("amount", "source"))
    }
    given = event("model.p.staged", output="dev.shop.staged")
    given["outputs"][0]["facets"]["columnLineage"] = facet(fields=fields)
    return given


def test_column_lineage_can_be_switched_off() -> None:
    """What the event brings is kept then, but for the CTE that it takes for a table."""
    assert edges(refine(stock_lineage(), column_lineage=False)) == {("dev.shop.tbl_orders", "id", "id")}


def test_without_sqlglot(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Without the parser the rest is refined all the same, and one warning says what is missing."""
    monkeypatch.setitem(sys.modules, "sqlglot", None)
    refiner = Refiner(PROJECT)
    refined = [refiner.refine(stock_lineage()) for _ in range(2)][1]
    assert (names(refined["inputs"]), len(edges(refined))) == (["dev.shop.tbl_orders"], 1)
    assert [record.message for record in caplog.records if "sqlglot" in record.message] == [caplog.records[0].message]


def test_sql_that_is_not_understood_costs_its_own_lineage() -> None:
    """The model below it keeps the lineage that its own SQL tells."""
    broken = node("model.p.broken", "source.p.shop.orders", sql="select from where (((")
    below = node("model.p.below", "model.p.broken", sql='select b.id, upper(b.x) as x from "dev"."shop"."broken" b')
    refiner = Refiner(manifest(ORDERS, broken, below))
    assert (
        "columnLineage" not in refiner.refine(event("model.p.broken", output="dev.shop.broken"))["outputs"][0]["facets"]
    )
    found = refiner.refine(event("model.p.below", output="dev.shop.below"))
    assert edges(found) == {("dev.shop.broken", "id", "id"), ("dev.shop.broken", "x", "x")}
    assert refiner.problems["sql_not_understood"] == 1


def test_sql_of_the_event_where_the_manifest_has_none() -> None:
    """A manifest that was only parsed has no compiled SQL; the event's is taken."""
    parsed = node("model.p.staged", "source.p.shop.orders", raw_code="{{ some_macro() }}")
    given = event("model.p.staged", output="dev.shop.staged")
    given["job"]["facets"]["sql"] = facet(query="select id as key from dev.shop.tbl_orders")
    assert edges(refine(given, manifest(ORDERS, parsed))) == {("dev.shop.tbl_orders", "id", "key")}


def test_compiled_sql_that_comes_later() -> None:
    """While dbt runs, a manifest gains a node's SQL between its START and its COMPLETE."""
    late = node("model.p.staged", "source.p.shop.orders", raw_code="{{ some_macro() }}")
    refiner = Refiner(manifest(ORDERS, late))
    assert edges(refiner.refine(event("model.p.staged", output="dev.shop.staged", eventType="START"))) == set()
    late["compiled_code"] = "select amount from dev.shop.tbl_orders"
    found = refiner.refine(event("model.p.staged", output="dev.shop.staged"))
    assert edges(found) == {("dev.shop.tbl_orders", "amount", "amount")}


def test_what_is_not_of_the_manifest_stays_as_it_is() -> None:
    """Events of the whole run, of single statements, and of nodes that the manifest does not have."""
    for given in (event("model.other.x", "a", output="b"), event("model.p.staged")):
        assert refine(given) == given
    whole = event("model.p.staged", "a", output="b")
    del whole["job"]["facets"]["dbt_node"]
    assert refine(whole) == whole


def test_jinja_that_only_names_tables() -> None:
    """Of a parsed model `ref`, `source` and `config` are understood; with anything else nothing is said."""
    plain = "{{ config(materialized='table') }} {# by hand #} select id as k from {{ source('shop', 'orders') }} o"
    parsed = node("model.p.a", "source.p.shop.orders", raw_code=plain)
    below = node("model.p.b", "model.p.a", raw_code="select k from {{ ref('p', 'a') }}")
    macro = node("model.p.c", "model.p.a", raw_code="select {{ star(ref('a')) }} from {{ ref('a') }}")
    refiner = Refiner(manifest(ORDERS, parsed, below, macro))
    found = [refiner.refine(event(f"model.p.{name}", output=f"dev.shop.{name}")) for name in "abc"]
    assert list(map(edges, found)) == [{("dev.shop.tbl_orders", "id", "k")}, {("dev.shop.a", "k", "k")}, set()]
