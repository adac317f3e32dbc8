"""Refinement of stock dbt-ol events by what they say themselves."""

from __future__ import annotations

from typing import Any

import orjson

from consumer.datazone.sql_lineage import refine
from emitter.refine.datasets.refined_facets import PRODUCER
from tests.support.datazone.fake_datazone import recorded

DBT = "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/integration/dbt"
NAMESPACE = "redshift://wg:5439"


def field(name: str) -> dict[str, str]:
    """A column of a table."""
    return {"namespace": NAMESPACE, "name": name, "field": "c"}


def event(lineage: dict[str, Any] | None, producer: str = DBT) -> dict[str, Any]:
    """A model that reads dev.s.a, with the column lineage that was told of it."""
    facets = {} if lineage is None else {"columnLineage": lineage}
    output = {"namespace": NAMESPACE, "name": "dev.s.b", "facets": facets}
    source = {"namespace": NAMESPACE, "name": "dev.s.a", "facets": {}}
    job: dict[str, Any] = {"namespace": "dbt", "name": "b", "facets": {}}
    return {"producer": producer, "job": job, "inputs": [source], "outputs": [output]}


def test_column_lineage_comes_from_the_sql() -> None:
    """All models of the recorded Athena run, which dbt-ol tells no columns of, have their columns' origins."""
    events = [orjson.loads(line) for line in recorded("events_athena_withcatalog")]
    models = [e for e in events if e["outputs"] and e["eventType"] == "COMPLETE"]
    for model in models:
        inputs = {dataset["name"] for dataset in model["inputs"]}
        fields = refine(model)["outputs"][0]["facets"]["columnLineage"]["fields"]
        assert fields, model["job"]["name"]
        assert {f["name"] for told in fields.values() for f in told["inputFields"]} <= inputs
    assert len(models) == 7


def test_common_table_expressions_are_no_origins() -> None:
    """What dbt-ol takes for tables is dropped, even where there is no SQL to read."""
    told = {
        "fields": {"x": {"inputFields": [field("dev.s.a"), field("dev.s.cte")]}, "y": {"inputFields": [field("q")]}}
    }
    found = refine(event(told))["outputs"][0]["facets"]["columnLineage"]["fields"]
    assert found == {"x": {"inputFields": [field("dev.s.a")]}}
    assert "columnLineage" not in refine(event({"fields": {"y": told["fields"]["y"]}}))["outputs"][0]["facets"]


def test_a_test_writes_nothing() -> None:
    """The audit tables of dbt never exist."""
    given = event(None)
    given["job"]["facets"]["jobType"] = {"jobType": "TEST"}
    assert refine(given)["outputs"] == []


def test_what_is_refined_stays() -> None:
    """The emitter had dbt's manifest, and knows better; another producer's columns are its own affair."""
    odd = {"fields": {"x": {"inputFields": [field("dev.s.elsewhere")]}}}
    by_emitter = event({**odd, "_producer": PRODUCER})
    by_emitter["job"]["facets"]["sql"] = {"query": "select c from dev.s.a", "dialect": "redshift"}
    assert refine(by_emitter) == by_emitter
    assert refine(event(odd, producer="spark")) == event(odd, producer="spark")


def test_sql_that_can_not_be_read() -> None:
    """It costs the column lineage and nothing else."""
    given = event(None)
    given["job"]["facets"]["sql"] = {"query": "selekt (", "dialect": "redshift"}
    assert refine(given) == given


def test_names_that_are_none() -> None:
    """An origin whose name is no text is none, and no reason to fail."""
    told = {"fields": {"x": {"inputFields": [{"namespace": NAMESPACE, "name": [1], "field": "c"}, "?"]}}}
    assert "columnLineage" not in refine(event(told))["outputs"][0]["facets"]
