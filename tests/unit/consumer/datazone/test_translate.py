"""What is posted for an event, and which events are not."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from consumer.datazone.source_identifier import Identities
from consumer.datazone.translate import Forward, Skip, Translation, translate
from consumer.lineage.identity import IdentityRules
from schemas.decode import decode_document
from tests.support.datazone.fake_datazone import ACCOUNT, GLUE

ATHENA = "awsathena://athena.us-east-1.amazonaws.com"
RUN = {"runId": "01a1fc8e-d2be-7e3e-93d4-9a1966d0f883"}
IDENTITIES = Identities(IdentityRules(), ACCOUNT)
FACET = {"_producer": "p", "_schemaURL": "s"}


def dataset(name: str, **facets: object) -> dict[str, Any]:
    """A table of Athena."""
    return {"namespace": ATHENA, "name": f"awsdatacatalog.imdb.{name}", "facets": facets}


def lineage(*names: str) -> dict[str, Any]:
    """Column lineage from some tables."""
    fields = [{"namespace": ATHENA, "name": f"awsdatacatalog.imdb.{name}", "field": "c"} for name in names]
    return {**FACET, "fields": {"c": {"inputFields": fields}}, "dataset": fields[:1]}


def event(**changes: object) -> dict[str, Any]:
    """A completed run that reads `a` and writes `b`."""
    facets = {
        "schema": {**FACET, "fields": [{"name": "c", "type": "int"}]},
        "columnLineage": lineage("a", "elsewhere"),
        "symlinks": {**FACET, "identifiers": [{"namespace": ATHENA, "name": "awsdatacatalog.imdb.b", "type": "TABLE"}]},
    }
    return {
        "eventTime": "2026-11-21T05:00:00+01:00",
        "eventType": "COMPLETE",
        "run": {**RUN, "facets": {"environment-properties": {**FACET, "environment-properties": {"A": "b"}}}},
        "job": {
            "namespace": "spark",
            "name": "job",
            "facets": {"jobType": {**FACET, "jobType": "JOB"}, "sql": {**FACET, "query": "select 1"}},
        },
        "inputs": [dataset("a")],
        "outputs": [dataset("b", **facets)],
    } | changes


def translated(document: dict[str, Any], forward: Forward = "complete") -> dict[str, Any]:
    """The document that is posted."""
    found = translate(decode_document(document), IDENTITIES, forward)
    assert isinstance(found, Translation), found
    return dict(orjson.loads(found.body))


def test_datasets_are_renamed_wherever_they_are_named() -> None:
    """Inputs, outputs, and the fields and datasets of column lineage, also those that are no input."""
    found = translated(event())
    assert [(d["namespace"], d["name"]) for d in (*found["inputs"], *found["outputs"])] == [
        (GLUE, "imdb/a"),
        (GLUE, "imdb/b"),
    ]
    told = found["outputs"][0]["facets"]["columnLineage"]
    assert [(f["namespace"], f["name"]) for f in told["fields"]["c"]["inputFields"]] == [
        (GLUE, "imdb/a"),
        (GLUE, "imdb/elsewhere"),
    ]
    assert (told["dataset"][0]["namespace"], told["dataset"][0]["name"]) == (GLUE, "imdb/a")


def test_facets_that_are_shown_are_kept() -> None:
    """Schema, symlinks, environment-properties, jobType and sql come through as they were."""
    given, found = event(), translated(event())
    for name in ("schema", "symlinks"):
        assert found["outputs"][0]["facets"][name] == given["outputs"][0]["facets"][name]
    assert found["run"]["facets"] == given["run"]["facets"]
    assert found["job"] == given["job"]
    assert (found["eventTime"], found["run"]["runId"]) == ("2026-11-21T04:00:00.000000Z", RUN["runId"])


def test_the_event_is_not_changed() -> None:
    """Its facets are shared with other sinks."""
    document = event()
    before = orjson.dumps(document)
    translated(document)
    assert orjson.dumps(document) == before


def test_what_processing_would_miss_is_filled_in() -> None:
    """An event without producer and schemaURL would be taken and then fail."""
    found = translated(event())
    assert found["producer"]
    assert found["schemaURL"].endswith("RunEvent")


@pytest.mark.parametrize(
    ("changes", "skip"),
    [
        ({"run": None, "eventType": None}, Skip.NOT_A_RUN),
        ({"run": None, "eventType": None, "job": None, "dataset": dataset("a")}, Skip.NOT_A_RUN),
        ({"eventType": "START"}, Skip.NO_LINEAGE),
        ({"eventType": "FAIL"}, Skip.NO_LINEAGE),
        ({"eventType": "ABORT"}, Skip.NO_LINEAGE),
        ({"inputs": [], "outputs": []}, Skip.NO_LINEAGE),
        (
            {"job": {"namespace": "n", "name": "t", "facets": {"jobType": {**FACET, "jobType": "TEST"}}}},
            Skip.NO_LINEAGE,
        ),
    ],
)
def test_what_is_not_forwarded(changes: dict[str, object], skip: Skip) -> None:
    """By default what is no run's event, and what carries no lineage; with `all` only the former."""
    decoded = decode_document({key: value for key, value in event(**changes).items() if value is not None})
    assert translate(decoded, IDENTITIES) is skip
    always = translate(decoded, IDENTITIES, "all")
    assert always is skip if skip is Skip.NOT_A_RUN else isinstance(always, Translation)


def test_running_runs_are_forwarded() -> None:
    """A streaming job never completes, and has lineage all the same."""
    assert translated(event(eventType="RUNNING"))["eventType"] == "RUNNING"


def test_names_that_become_one() -> None:
    """Two names of one table are one input, with the facets of both."""
    glue = {"namespace": f"arn:aws:glue:us-east-1:{ACCOUNT}", "name": "table/imdb/a", "facets": {"two": {"v": 2}}}
    found = translated(event(inputs=[dataset("a", one={"v": 1}), glue]))
    assert len(found["inputs"]) == 1
    assert found["inputs"][0]["facets"].keys() == {"one", "two"}


def test_the_token_is_of_what_is_posted_and_where() -> None:
    """The same event has the same token at any time; another event or another domain has another."""
    one, again = (translate(decode_document(event()), IDENTITIES) for _ in range(2))
    other = translate(decode_document(event(eventTime="2026-11-21T05:00:01Z")), IDENTITIES)
    assert isinstance(one, Translation)
    assert isinstance(again, Translation)
    assert isinstance(other, Translation)
    assert one.token("dzd_1") == again.token("dzd_1")
    assert len({one.token("dzd_1"), one.token("dzd_2"), other.token("dzd_1")}) == 3


def test_malformed_column_lineage_stays_as_it_is() -> None:
    """A facet that can't be read is no reason to lose the tables' lineage."""
    for facet in ("?", {"fields": "?"}, {"fields": {"c": "?", "d": {"inputFields": "?"}}}, {"dataset": [1]}):
        document = event(outputs=[dataset("b", columnLineage=facet)])
        assert translated(document)["outputs"][0]["facets"]["columnLineage"] == facet


def test_a_skipped_node_is_not_posted() -> None:
    """Without datasets, its event has no lineage."""
    run = {**RUN, "facets": {"headwater_skipped": {**FACET, "reason": "model.p.a failed"}}}
    document = decode_document(event(eventType="ABORT", run=run, inputs=[], outputs=[]))
    assert translate(document, IDENTITIES) is Skip.NO_LINEAGE
