"""Facets that are kept in another form, or in another place, than the event has them."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.lineage.facts.delta import Delta
from consumer.lineage.facts.facet_values import facet_value
from consumer.lineage.facts.keys import RunKey
from consumer.lineage.lifecycle import Lifecycle, lifecycle
from schemas.naming import DatasetName, canonical
from tests.support.events.event_builders import JOB, dataset, name, run_event
from tests.support.graph.graph_of_events import folded

Json = dict[str, Any]
OF_DBT = {"dbt_run": {"invocation_id": "i", "project_name": "p"}}
CLIENT = {"key": "openlineage_client_version", "value": "1.54.0", "source": "OPENLINEAGE_CLIENT"}
GOLD = {"key": "gold", "value": "true", "source": "DBT"}
META = {"key": "owner", "value": "ana", "source": "DBT_META"}


def carried(delta: Delta, key: str, table: str = "t") -> Any:
    """What a run says of an output's facet."""
    (run,) = delta.runs.values()
    return facet_value(run.carried.get(name(table), {}), key, lambda ref: delta.contents[ref])


class TestTags:
    """dbt's tags, which dbt-ol tells of the run."""

    def test_they_are_those_of_the_table(self) -> None:
        """With dbt's meta, and without the tag that the OpenLineage client adds."""
        facets = {**OF_DBT, "tags": {"tags": [GOLD, META, CLIENT]}}
        found = carried(folded([run_event("COMPLETE", 1, outputs=["t"], run_facets=facets)]), "tags")
        assert found == {"tags": [GOLD, META]}

    def test_a_tag_that_was_taken_away(self) -> None:
        """A run without tags of dbt says that there are none."""
        facets = {**OF_DBT, "tags": {"tags": [CLIENT]}}
        delta = folded([run_event("COMPLETE", 1, outputs=["t"], run_facets=facets)])
        assert carried(delta, "tags") == {"tags": []}

    def test_those_of_the_table_itself_go_first(self) -> None:
        """They may be of its columns."""
        own = {"tags": [GOLD, {"key": "pii", "value": "true", "source": "DBT", "field": "email"}]}
        facets = {**OF_DBT, "tags": {"tags": [META]}}
        event = run_event("COMPLETE", 1, outputs=[dataset("t", tags=own)], run_facets=facets)
        assert carried(folded([event]), "tags") == own

    @pytest.mark.parametrize("facets", [{"tags": {"tags": [GOLD]}}, OF_DBT, {**OF_DBT, "tags": {"tags": 7}}])
    def test_no_others(self, facets: Json) -> None:
        """Tags of another tool's run are of the run; without tags that can be read, nothing is said."""
        assert carried(folded([run_event("COMPLETE", 1, outputs=["t"], run_facets=facets)]), "tags") == {}


def test_exposures_are_kept() -> None:
    """Of outputs and of inputs: a source has them only there."""
    shown = {"exposures": [{"unique_id": "exposure.p.d", "name": "d", "type": "dashboard", "url": "https://d.example"}]}
    delta = folded(
        [
            run_event(
                "COMPLETE", 1, inputs=[dataset("a", dbt_exposures=shown)], outputs=[dataset("t", dbt_exposures=shown)]
            )
        ]
    )
    heard = delta.names[name("a")].heard
    assert carried(delta, "dbt_exposures") == shown
    assert facet_value(heard, "dbt_exposures", lambda ref: delta.contents[ref]) == shown


class TestErrors:
    """Why a run failed."""

    STACK = "org.apache.spark.SparkException: no such table\n\tat org.apache.spark.A.b(A.scala:1)\n\tat c.D.e"

    @pytest.mark.parametrize(
        ("facet", "expected"),
        [
            ({"message": "no such table", "stackTrace": STACK}, "no such table"),
            ({"stackTrace": STACK}, "org.apache.spark.SparkException: no such table"),
            ({"message": "x" * 5_000}, "x" * 4_000),
        ],
    )
    def test_of_spark(self, facet: Json, expected: str) -> None:
        """openlineage-spark has a facet of its own."""
        delta = folded([run_event("FAIL", 1, run_facets={"spark.exception": facet})])
        assert facet_value(delta.runs[RunKey(JOB, "r1")].facets, "errorMessage") == {"message": expected}

    def test_openlineages_own_goes_first(self) -> None:
        """Where an event has both."""
        facets = {
            "spark.exception": {"message": "spark"},
            "errorMessage": {"message": "own", "programmingLanguage": "x"},
        }
        delta = folded([run_event("FAIL", 1, run_facets=facets)])
        assert facet_value(delta.runs[RunKey(JOB, "r1")].facets, "errorMessage") == {"message": "own"}


class TestLifecycle:
    """What was done to a dataset as a whole."""

    @pytest.mark.parametrize(
        ("facet", "expected"),
        [
            ({"lifecycleStateChange": "drop"}, Lifecycle("DROP")),
            ({"lifecycleStateChange": "CREATE"}, Lifecycle("CREATE")),
            (
                {"lifecycleStateChange": "RENAME", "previousIdentifier": {"namespace": "s3a://b", "name": "/old/"}},
                Lifecycle("RENAME", DatasetName("s3://b", "old")),
            ),
            (
                {"lifecycleStateChange": "RENAME", "previousIdentifier": {"namespace": "s3n://b", "name": "t/"}},
                Lifecycle("RENAME"),
            ),
            ({"lifecycleStateChange": "RENAME"}, Lifecycle("RENAME")),
            (
                {"lifecycleStateChange": "ALTER", "previousIdentifier": {"namespace": "s3://b", "name": "old"}},
                Lifecycle("ALTER"),
            ),
            ({"_deleted": True}, None),
        ],
    )
    def test_it_is_kept_in_canonical_names(self, facet: Json, expected: Lifecycle | None) -> None:
        """A previous name is one of a RENAME alone, and is another one."""
        output = {"namespace": "s3a://b", "name": "/t", "facets": {"lifecycleStateChange": facet}}
        (run,) = folded([run_event("COMPLETE", 1, outputs=[output])]).runs.values()
        ref = run.carried[canonical("s3://b", "t")]["lifecycleStateChange"].ref
        assert lifecycle(ref, DatasetName("s3://b", "t")) == expected

    def test_what_is_dropped_is_not_written(self) -> None:
        """The job that drops a table has no edge to it; the facet is kept for the table."""
        drop = dataset("t", lifecycleStateChange={"lifecycleStateChange": "DROP"})
        delta = folded([run_event("COMPLETE", 1, inputs=["a"], outputs=[drop, "u"])])
        (run,) = delta.runs.values()
        assert run.outputs == {name("u")}
        assert carried(delta, "lifecycleStateChange") == {"lifecycleStateChange": "DROP"}
