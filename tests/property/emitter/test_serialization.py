"""Serialization: the same bytes as OpenLineage's client writes, whatever stands in an event."""

import uuid
from collections import OrderedDict
from datetime import UTC, date, datetime
from enum import Enum, IntEnum
from typing import Any, NamedTuple

import attr
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openlineage.client import run as first_version
from openlineage.client.event_v2 import (
    DatasetEvent,
    InputDataset,
    Job,
    JobEvent,
    Run,
    RunEvent,
    RunState,
    StaticDataset,
)
from openlineage.client.facet_v2 import column_lineage_dataset, schema_dataset
from openlineage.client.serde import Serde

from emitter.runner.client.client_events import client_event
from emitter.serialization import event_dict, event_json
from tests.support.events import every_facet

ID = "0190a2b8-0000-7000-8000-000000000000"
TIME = "2026-01-01T00:00:00Z"

CLEANED: Any = {"a": None, "b": [None, {}]}
"""A value of an enumeration in which the client finds something to remove."""


class Colour(Enum):
    """An enumeration whose values are not all texts."""

    RED = "red"
    NONE = None
    NESTED = CLEANED


class Number(IntEnum):
    """An enumeration that is a number too."""

    ONE = 1


class Pair(NamedTuple):
    """A tuple with names."""

    left: Any
    right: Any


class int64(int):  # noqa: N801 # the client knows numpy's by this name
    """A number as pandas has it."""


@attr.define
class Inner:
    """An attrs object that is no facet of the client's."""

    value: Any = None
    _private: Any = "p"


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from([*Colour, *Number, int64(3), 1 + 2j, b"bytes", Inner, range(2)]),
    st.builds(uuid.uuid4),
    st.just(date(2026, 1, 2)),
    st.just(datetime(2026, 1, 2, tzinfo=UTC)),
)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    items = st.lists(inner, max_size=3)
    by_name = st.dictionaries(st.text(max_size=3), inner, max_size=3)
    return st.one_of(
        items,
        items.map(tuple),
        st.frozensets(st.text(max_size=2), max_size=2),
        by_name,
        by_name.map(OrderedDict),
        st.builds(Pair, inner, inner),
        st.builds(Inner, inner),
    )


VALUES = st.recursive(SCALARS, _nested, max_leaves=20)


def same_bytes(event: Any) -> None:
    """Asserts that an event becomes the bytes that the client makes of it."""
    assert event_json(event_dict(event)) == Serde.to_json(Serde.to_dict(event)).encode()


@given(VALUES)
def test_any_value_in_a_facet(value: Any) -> None:
    """Values that JSON does not know, empty ones in lists, objects in dictionaries."""
    facets: dict[str, Any] = {"custom": {"value": value, "list": [value, None, {}]}}
    run = Run(runId=ID, facets=facets)
    same_bytes(RunEvent(eventTime=TIME, eventType=RunState.START, run=run, job=Job("dbt", "model")))


@given(st.dictionaries(st.text(max_size=3), VALUES))
def test_an_event_that_is_a_dictionary(event: dict[str, Any]) -> None:
    """Objects below a dictionary are named by their class, as the client does."""
    same_bytes(event)


@pytest.mark.parametrize("event", [every_facet.run(), every_facet.described()])
def test_every_facet_of_the_emitter(event: dict[str, Any]) -> None:
    """As `headwater-dbt` hands it to the client."""
    same_bytes(client_event(event))


@pytest.mark.parametrize(
    "event",
    [
        JobEvent(eventTime=TIME, job=Job("dbt", "model"), inputs=[InputDataset("s3://b", "t")]),
        DatasetEvent(
            eventTime=TIME,
            dataset=StaticDataset(
                "s3://b",
                "t",
                facets={
                    "schema": schema_dataset.SchemaDatasetFacet([schema_dataset.SchemaDatasetFacetFields("id")]),
                    "columnLineage": column_lineage_dataset.ColumnLineageDatasetFacet(fields={}),
                },
            ),
        ),
        first_version.RunEvent(
            eventTime=TIME,
            eventType=first_version.RunState.COMPLETE,
            run=first_version.Run(runId=ID),
            job=first_version.Job("dbt", "model"),
            producer="https://example.com",
        ),
    ],
)
def test_every_kind_of_event(event: Any) -> None:
    """Of the client's present classes and of its first ones."""
    same_bytes(event)
