"""Tables that a node's SQL names in full, without `ref` or `source`."""

from typing import Any

import pytest

from emitter.refine import RefineOptions, Refiner
from emitter.refine.datasets.refined_facets import UNDECLARED
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

HARD = "with s as (select id, amount as amt from {} limit 10) select * from s"


def refined(sql: str, *others: dict[str, Any], **more: Any) -> tuple[dict[str, Any], Refiner]:
    """Returns the event of a model with this SQL, refined twice, and the refiner."""
    refiner = Refiner(manifest(node("model.p.hard", sql=sql), *others, **more))
    once = refiner.refine(event("model.p.hard", output="dev.shop.hard"))
    assert refiner.refine(once) == once
    return once, refiner


@pytest.mark.parametrize("name", ['"dev"."rsp"."landing"', "dev.rsp.landing", "rsp.landing", "DEV.RSP.Landing"])
def test_a_table_that_only_sql_names_is_an_input(name: str) -> None:
    """It is marked, its columns feed the model's, and it is reported; its database is that of all models."""
    found, refiner = refined(HARD.format(name))
    assert [(each["namespace"], each["name"]) for each in found["inputs"]] == [(NAMESPACE, "dev.rsp.landing")]
    assert UNDECLARED in found["inputs"][0]["facets"]
    assert edges(found) == {("dev.rsp.landing", "id", "id"), ("dev.rsp.landing", "amount", "amt")}
    assert refiner.undeclared.tables == ["dev.rsp.landing"]
    assert refiner.undeclared.report() == (
        "1 table is named in SQL without ref() or source(), so dbt knows no dependency on it: dev.rsp.landing"
    )


def test_a_declared_table_that_the_model_does_not_depend_on() -> None:
    """It is an input with its own facets, without the mark, and column edges and inputs say the same."""
    source = node("source.p.rsp.landing", schema="rsp", columns="id amount", description="As it came.")
    found, refiner = refined(HARD.format("dev.rsp.landing"), source)
    assert names(found["inputs"]) == ["dev.rsp.landing"]
    assert found["inputs"][0]["facets"].keys() == {"dataSource", "documentation"}
    assert {edge[0] for edge in edges(found)} == {"dev.rsp.landing"}
    assert refiner.undeclared.tables == ["dev.rsp.landing"]


@pytest.mark.parametrize(
    "sql",
    [
        "select * from landing",
        "select table_name from dev.information_schema.tables",
        "select * from pg_catalog.pg_tables",
        "with rsp as (select 1 as a) select a from rsp",
        "select * from dev.shop.hard",
    ],
)
def test_what_is_no_full_name_is_no_input(sql: str) -> None:
    """Neither a name without a schema, nor the engine's own tables, nor the model itself."""
    found, refiner = refined(sql)
    assert found["inputs"] == []
    assert refiner.undeclared.report() == ""


def test_two_parts_are_not_completed_where_models_are_in_several_databases() -> None:
    """Which of them is meant would be a guess; three parts are none."""
    other = node("model.p.other", database="elsewhere")
    assert refined("select id from rsp.landing", other)[0]["inputs"] == []
    assert names(refined("select id from dev.rsp.landing", other)[0]["inputs"]) == ["dev.rsp.landing"]


def test_what_the_event_says_of_it_stays() -> None:
    """An input that the event has already is marked, and keeps its facets."""
    refiner = Refiner(manifest(node("model.p.hard", sql=HARD.format("dev.rsp.landing"))))
    given = event("model.p.hard", output="dev.shop.hard", inputs=[dataset("dev.rsp.landing", own=facet(a=1))])
    inputs = refiner.refine(given)["inputs"]
    assert names(inputs) == ["dev.rsp.landing"]
    assert inputs[0]["facets"].keys() == {"own", UNDECLARED}


def test_many_are_counted_and_some_are_named() -> None:
    """The report stays one sentence."""
    tables = [f"dev.rsp.t{number}" for number in range(7)]
    _, refiner = refined(" union all ".join(f"select id from {table}" for table in tables))  # noqa: S608 # it is only read
    assert refiner.undeclared.tables == tables
    assert refiner.undeclared.report().endswith(
        "dev.rsp.t0, dev.rsp.t1, dev.rsp.t2, dev.rsp.t3, dev.rsp.t4, and 2 more"
    )


def test_without_column_lineage_nothing_is_read() -> None:
    """Then no SQL is parsed, and what it names is not known."""
    refiner = Refiner(
        manifest(node("model.p.hard", sql=HARD.format("dev.rsp.landing"))), options=RefineOptions(column_lineage=False)
    )
    assert refiner.refine(event("model.p.hard", output="dev.shop.hard"))["inputs"] == []
