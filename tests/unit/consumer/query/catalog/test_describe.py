"""Everything about one dataset."""

from __future__ import annotations

import pytest
from click import unstyle

from consumer.errors import UsageError
from consumer.query.catalog.describe import describe, describe_node
from consumer.query.catalog.exposures import Exposure
from consumer.query.resolve import resolve
from consumer.render import answers, documents
from schemas.naming import DatasetName
from tests.support.graph.example_graphs import demo, graph, table
from tests.support.graph.run_events import assertions, owned, run_event, schema

A, B, C = (table(name) for name in "abc")


def test_what_an_event_says_is_described() -> None:
    """Columns in the schema's order with types and tags, owners, tests, neighbours, the job and its last run."""
    facets = {
        **schema(z="int", a="text"),
        **owned("finance"),
        **assertions(z__unique=True, a__not_null=False),
        "documentation": {"description": "All orders."},
        "tags": {
            "tags": [
                {"key": "nightly", "value": "true", "source": "DBT"},
                {"key": "pii", "value": "true", "source": "DBT", "field": "a"},
            ]
        },
    }
    store = graph(
        [
            run_event("START", "09:00", B, A, facets=facets),
            run_event("COMPLETE", "09:01", B, A, facets=facets),
            run_event("COMPLETE", "10:00", C, B),
        ]
    )
    found = describe(store, resolve(store, "b").dataset)
    assert [(one.name, one.type, [tag.text for tag in one.tags]) for one in found.columns] == [
        ("z", "int", []),
        ("a", "text", ["pii"]),
    ]
    assert found.summary.owners == ("finance",)
    assert found.summary.description == "All orders."
    assert [(test.name, test.success) for test in found.summary.tests] == [("a__not_null", False), ("z__unique", True)]
    assert (found.upstream, found.downstream) == (1, 1)
    (producer,) = found.producers
    assert (producer.job.name, producer.type) == ("model.p.dev.s.b", "MODEL")
    assert found.last_run is not None
    assert (found.last_run.state, found.last_run.duration_s) == ("COMPLETE", 60.0)
    assert [job.name for job in found.readers] == ["model.p.dev.s.c"]


def test_the_sql_of_a_real_model() -> None:
    """Long SQL is stored apart, and read."""
    store = demo()
    found = describe(store, resolve(store, "titles").dataset)
    assert "select" in found.producers[0].sql.casefold()


def test_an_unknown_dataset_is_refused() -> None:
    """The error says where to look."""
    with pytest.raises(UsageError, match="headwater search"):
        describe(graph([]), DatasetName("s3://bucket", "nothing"))


def test_an_exposure_is_described() -> None:
    """By what dbt declares of it; it has no columns, tests and runs to be unknown."""
    use = {"unique_id": "exposure.p.weekly", "name": "weekly", "type": "dashboard", "url": "https://bi.example.com/1"}
    facets = {"dbt_exposures": {"exposures": [{**use, "owner": "ana"}]}}
    store = graph(
        [run_event("COMPLETE", "09:00", B, A, facets=facets), run_event("COMPLETE", "09:00", C, facets=facets)]
    )
    found = describe_node(store, resolve(store, "weekly"))
    assert (found.kind, found.summary.owners, found.upstream) == ("exposure", ("ana",), 2)
    assert found.exposures == (Exposure("weekly", "dashboard", "https://bi.example.com/1", "ana"),)
    assert documents.description(found)["kind"] == "exposure"
    text = unstyle(answers.show(found))
    assert "weekly  exposure of dbt" in text
    assert not any(word in text for word in ("unknown", "never", "tests"))
    assert describe_node(store, resolve(store, "b")) == describe(store, resolve(store, "b").dataset)
