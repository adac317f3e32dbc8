"""`--defer`: what a node reads in another environment, told by its compiled SQL."""

from typing import Any

import pytest

from emitter.dbt.deferral import deferred
from emitter.dbt.project import Project
from emitter.refine import Refiner
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

A = node("model.p.a", columns="id amount", relation_name='"w"."dev"."a"', database="w", schema="dev")
B = node("model.p.b", "model.p.a", database="w", schema="dev", relation_name='"w"."dev"."b"')


def read(sql: str, *parents: dict[str, Any], reader: str = "model.p.b") -> dict[str, str]:
    """The deferred parents of a node, by their ids, as names."""
    above = parents or (A,)
    own = node(reader, *(parent["unique_id"] for parent in above), database="w", schema="dev")
    found = deferred(Project(manifest(own, *above, adapter="duckdb")), reader, sql)
    return {parent: ".".join(place.values()) for parent, place in found.items()}


def model(name: str, relation: str, schema: str = "dev") -> dict[str, Any]:
    """A parent with its relation as dbt writes it into SQL."""
    return node(f"model.p.{name}", database="w", schema=schema, relation_name=relation)


@pytest.mark.parametrize(
    ("relation", "sql", "name"),
    [
        ('"w"."dev"."a"', 'select * from "w"."prod"."a"', "w.prod.a"),
        ('"w"."dev"."a"', 'select * from "other"."dev"."a" x', "other.dev.a"),
        ("`w`.`dev`.`a`", "select * from `w-1`.`prod`.`a`", "w-1.prod.a"),
        ("`dev`.`a`", "select * from `prod`.`a`", "prod.a"),
        ("w.dev.a", "select * from w.prod.a join w.dev.a_b using (id)", "w.prod.a"),
        ("[w].[dev].[a]", "select * from [w].[prod].[a]", "w.prod.a"),
        ('w.dev."a"', 'select * from w.prod."a"', "w.prod.a"),
    ],
)
def test_the_sql_names_the_table_that_is_read(relation: str, sql: str, name: str) -> None:
    """However the adapter quotes."""
    assert read(sql, model("a", relation)) == {"model.p.a": name}


@pytest.mark.parametrize(
    "sql",
    [
        "",
        'select * from "w"."dev"."a" join "w"."prod"."a" using (id)',
        'select * from "w"."prod"."another_a"',
        'select * from "prod"."a"',
        'select * from "w"."dev"."b"',
    ],
)
def test_nothing_is_guessed(sql: str) -> None:
    """Where the parent's own table is read, or none is called like it in full, the manifest is right."""
    assert read(sql) == {}


def test_another_parent_is_no_other_environment() -> None:
    """A source that is called like the model it feeds stays what it is."""
    source = node("source.p.raw.a", database="w", schema="raw", relation_name='"w"."raw"."a"')
    assert read('select * from "w"."raw"."a"', A, source) == {}


def test_two_parents_of_one_name() -> None:
    """Each is the table whose schema ends as its own does."""
    parents = [node(f"model.p.{kind}_a", alias="a", database="w", schema=f"dev_{kind}") for kind in ("mart", "stg")]
    parents = [parent | {"relation_name": f'"w"."{parent["schema"]}"."a"'} for parent in parents]
    found = read('select * from "w"."stg"."a" join "w"."mart"."a" using (id)', *parents)
    assert found == {"model.p.mart_a": "w.mart.a", "model.p.stg_a": "w.stg.a"}
    assert read('select * from "w"."stg"."a"', *parents) == {"model.p.stg_a": "w.stg.a"}


def test_a_table_of_another_name() -> None:
    """What dbt said of a parent goes before its looks, if the SQL has it."""
    relation = {"database": "w", "schema": "prod", "alias": "a_1", "relation_name": '"w"."prod"."a_1"'}
    parent = A | {"defer_relation": relation}
    assert read('select * from "w"."prod"."a_1", "w"."old"."a"', parent) == {"model.p.a": "w.prod.a_1"}
    assert read('select * from "w"."dev"."a", "w"."prod"."a_1"', parent) == {}
    assert read('select * from "w"."prod"."a"', parent) == {"model.p.a": "w.prod.a"}


def test_python_models() -> None:
    """Their references are texts within the code that dbt adds."""
    assert read(r'refs = {"a": "\"w\".\"prod\".\"a\""}') == {"model.p.a": "w.prod.a"}


def told(sql: str, **more: Any) -> dict[str, Any]:
    """The event of `b` as dbt-ol has it, with the manifest's name of `a`, refined twice."""
    refiner = Refiner(manifest(A, B | {"compiled_code": sql}, adapter="duckdb"))
    stock = dataset("w.dev.a", schema=facet(fields=[{"name": "id"}]))
    once = refiner.refine(event("model.p.b", output="w.dev.b", inputs=[stock], **more))
    assert refiner.refine(once) == once
    return once


def test_inputs_and_columns_are_of_the_other_environment() -> None:
    """Through a star too; and of its table nothing is said that this project can't know."""
    refined = told('with s as (select * from "w"."prod"."a") select id, amount * 2 as twice from s')
    assert refined["inputs"] == [{"namespace": NAMESPACE, "name": "w.prod.a", "facets": {}}]
    assert edges(refined) == {("w.prod.a", "id", "id"), ("w.prod.a", "amount", "twice")}


def test_columns_of_unknown_tables_are_not_said_to_come_from_nowhere() -> None:
    """An empty facet would take earlier lineage back."""
    refined = told('select id from "a_of_another_name"')
    assert "columnLineage" not in refined["outputs"][0]["facets"]
    constant = told("select 1 as id")
    assert constant["outputs"][0]["facets"]["columnLineage"]["fields"] == {}


def test_a_full_name_is_an_input_even_where_no_parent_is_called_so() -> None:
    """The parent's table may be called anything there; what the SQL names in full is read for certain."""
    refined = told('select id from "w"."prod"."a_of_another_name"')
    assert names(refined["inputs"]) == ["w.dev.a", "w.prod.a_of_another_name"]
    assert edges(refined) == {("w.prod.a_of_another_name", "id", "id")}


@pytest.mark.parametrize("unique_id", ["test.p.not_null_b", "model.p.b"])
def test_a_test_of_a_deferred_table(unique_id: str) -> None:
    """Its result is said of the table that it read, whether the event is the test's own or the table's."""
    test = node("test.p.not_null_b", "model.p.b", attached_node="model.p.b", sql='select * from "w"."prod"."b"')
    results = facet(assertions=[{"assertion": "not_null", "name": "not_null_b", "success": True}])
    given = event(unique_id, job_type="TEST", inputs=[dataset("w.dev.b", dataQualityAssertions=results)])
    refiner = Refiner(manifest(A, B, test, adapter="duckdb"))
    refined = refiner.refine(given)
    assert names(refined["inputs"]) == ["w.prod.b"]
    assert [each["name"] for each in refined["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"]]
    assert refiner.refine(refined) == refined
