"""Reduction: a too large event loses what lineage needs least, step by step, and says what it lost."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from emitter.record import Record
from emitter.reduction import MARKER
from emitter.shrink import STEPS, shrink

EVENT: dict[str, Any] = {
    "eventType": "COMPLETE",
    "run": {"runId": "r", "facets": {"parent": {"run": 1}, "errorMessage": {"message": "m"}, "mine": {"a": 1}}},
    "job": {
        "namespace": "n",
        "name": "j",
        "facets": {"sql": {"query": "q"}, "sourceCode": {"s": 1}, "jobType": {"t": 1}, "documentation": {"d": 1}},
    },
    "inputs": [{"namespace": "n", "name": "i", "facets": {"schema": {"fields": [{"name": "a", "description": "d"}]}}}],
    "outputs": [
        {
            "namespace": "n",
            "name": "o",
            "facets": {
                "schema": {"fields": [{"name": "a"}]},
                "symlinks": {"identifiers": []},
                "columnLineage": {
                    "fields": {"a": {"inputFields": [{"field": "a", "transformations": [{"type": "DIRECT"}]}]}},
                    "dataset": [{"field": "b"}],
                },
            },
            "outputFacets": {"outputStatistics": {"rowCount": 1}},
        }
    ],
}


def steps(event: Any) -> list[dict[str, Any]]:
    """All reductions of an event, as they would be tried."""
    return [json.loads(record.value) for record in shrink(Record("t", b"k", json.dumps(event).encode(), 1))]


def test_the_order_is_the_documented_one() -> None:
    """Each step says all that is missing by then; each is smaller than the one before, but for the marker."""
    dropped = [one["run"]["facets"][MARKER]["dropped"] for one in steps(EVENT)]
    names = [name for name, _ in STEPS if name != "dataQualityAssertions"]
    assert dropped == [names[: place + 1] for place in range(len(names))]
    without_marker = [len(json.dumps({**one, "run": {}})) for one in steps(EVENT)]
    assert without_marker == sorted(without_marker, reverse=True)


def test_what_makes_the_lineage_is_kept_to_the_end() -> None:
    """Names, parent, job type and symlinks are in the smallest event too; column sources go last of all."""
    *_, before, last = steps(EVENT)
    assert [last["inputs"][0]["name"], last["outputs"][0]["name"], last["job"]["name"]] == ["i", "o", "j"]
    assert last["run"]["facets"].keys() == {"parent", MARKER}
    assert last["job"]["facets"].keys() == {"jobType"}
    assert last["outputs"][0]["facets"].keys() == {"symlinks"}
    lineage = before["outputs"][0]["facets"]["columnLineage"]
    assert lineage == {"fields": {"a": {"inputFields": [{"field": "a"}]}}}


def test_the_marker_is_where_facets_are() -> None:
    """A job event has it on the job, a dataset event on the dataset, each a facet as the specification has them."""
    for name in ("job", "dataset"):
        owner = {"namespace": "n", "name": "x", "facets": {"documentation": {"d": 1}}}
        [only] = steps({name: owner})
        marker = only[name]["facets"][MARKER]
        assert marker["_schemaURL"].endswith(f"#/$defs/{name.title()}Facet")
        assert marker["_producer"] == "urn:headwater:reduce"


json_values = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["run", "job", "inputs", "outputs", "facets", "schema", "fields", "columnLineage", "sql"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_whatever_the_event_is_nothing_is_raised(event: Any) -> None:
    """An event that is no event is quarantined by its size, not by an exception."""
    steps(event)


def test_what_is_no_json_can_not_be_reduced() -> None:
    """There is nothing to try."""
    assert list(shrink(Record("t", b"", b"\xff", 1))) == []
