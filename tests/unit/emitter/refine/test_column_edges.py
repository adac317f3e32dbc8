"""The column lineage of an output, where both the event and the SQL have some."""

from typing import Any

from emitter.refine import Refiner
from tests.support.dbt.refinement_inputs import (
    NAMESPACE,
    dataset,
    edges,
    event,
    facet,
    manifest,
    node,
)

A = node("model.p.a", columns="id amount")


def refined(sql: str, *told: tuple[str, str, str], **of_a: Any) -> dict[str, Any]:
    """Returns an event of a model that reads `a`, whose columnLineage has some edges, refined twice."""
    fields: dict[str, Any] = {}
    for table, column, target in told:
        source = {"namespace": NAMESPACE, "name": table, "field": column}
        fields.setdefault(target, {"inputFields": []})["inputFields"].append(source)
    output = dataset("dev.shop.b", columnLineage=facet(fields=fields))
    refiner = Refiner(manifest(A | of_a, node("model.p.b", "model.p.a", sql=sql)))
    once = refiner.refine(event("model.p.b", "dev.shop.a") | {"outputs": [output]})
    assert refiner.refine(once) == once
    return once


def test_sql_that_says_all_goes_before_the_event() -> None:
    """What it does not have is not there."""
    found = refined("select id from dev.shop.a", ("dev.shop.a", "amount", "id"))
    assert edges(found) == {("dev.shop.a", "id", "id")}


def test_what_the_sql_leaves_open_is_kept() -> None:
    """A name that can't be resolved does not take back what the event says of it."""
    found = refined(
        "select a.id, kind from dev.shop.a a, nowhere.x x, nowhere.y y",
        ("dev.shop.a", "id", "id"),
        ("dev.shop.a", "kind", "kind"),
        ("x", "kind", "kind"),
    )
    assert edges(found) == {("dev.shop.a", "id", "id"), ("dev.shop.a", "kind", "kind")}


def test_sql_that_is_not_understood_keeps_the_event() -> None:
    """But for names that are no tables."""
    found = refined("select from (", ("dev.shop.a", "id", "id"), ("cte", "id", "id"))
    assert edges(found) == {("dev.shop.a", "id", "id")}


def test_a_column_that_a_table_can_not_have_is_none() -> None:
    """With an enforced contract its columns are known."""
    contract = {"materialized": "table", "contract": {"enforced": True}}
    found = refined("select from (", ("dev.shop.a", "id", "id"), ("dev.shop.a", "other", "o"), config=contract)
    assert edges(found) == {("dev.shop.a", "id", "id")}


def test_joins_in_parentheses_keep_their_edges() -> None:
    """The nested form that engines print of views."""
    sql = "select q.id, b.total from ((select id from dev.shop.a) q inner join (dev.shop.a as b) on (b.id = q.id))"
    found = refined(sql, ("dev.shop.a", "id", "id"), ("dev.shop.a", "total", "total"))
    assert edges(found) == {("dev.shop.a", "id", "id"), ("dev.shop.a", "total", "total")}


def test_masking_is_told_in_the_facet() -> None:
    """A hash and a count hide the value that they are made from; a value beside its hash does not."""
    found = refined("select md5(id) as h, count(id) as n, md5(id) || id as both from dev.shop.a")
    fields = found["outputs"][0]["facets"]["columnLineage"]["fields"]
    steps = {name: field["inputFields"][0]["transformations"] for name, field in fields.items()}
    assert steps == {
        "h": [{"type": "DIRECT", "subtype": "TRANSFORMATION", "masking": True}],
        "n": [{"type": "DIRECT", "subtype": "AGGREGATION", "masking": True}],
        "both": [{"type": "DIRECT", "subtype": "TRANSFORMATION"}],
    }
