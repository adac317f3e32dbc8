"""Facets without the items that can't be read."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.errors import BadFacet
from schemas.facets import ColumnLineageDatasetFacet, LineageFacet, SchemaDatasetFacet, read
from schemas.facets.bad_items import MOST_REPORTED, read_items
from schemas.facets.base import DELETED
from schemas.facets.dataset_facets import SymlinksDatasetFacet

X = {"namespace": "n", "name": "t", "field": "x"}


def columns(**fields: Any) -> dict[str, Any]:
    """The facets of a dataset with column lineage."""
    return {"columnLineage": {"fields": fields}}


@pytest.mark.parametrize(
    ("facets", "kept", "paths"),
    [
        (columns(a={"inputFields": [X]}, b="no object"), {"a": 1}, ["$.columnLineage.fields.b"]),
        (columns(a={"inputFields": [X]}, b={}), {"a": 1}, ["$.columnLineage.fields.b.inputFields"]),
        (
            columns(a={"inputFields": [X, {**X, "field": None}, X]}),
            {"a": 2},
            ["$.columnLineage.fields.a.inputFields[1].field"],
        ),
        (
            columns(a={"inputFields": [X]}, b={"inputFields": [{"name": "t"}]}, c={"inputFields": []}),
            {"a": 1, "c": 0},
            ["$.columnLineage.fields.b.inputFields[0].field"],
        ),
        (
            columns(a={"inputFields": [{**X, "transformations": [{"subtype": "SORT"}]}]}),
            {"a": 1},
            ["$.columnLineage.fields.a.inputFields[0].transformations[0].type"],
        ),
        (columns(**{"": {"inputFields": [X]}, "a": {"inputFields": [X]}}), {"a": 1}, ['$.columnLineage.fields[""]']),
    ],
)
def test_columns_that_can_not_be_read_cost_themselves(facets: Any, kept: dict[str, int], paths: list[str]) -> None:
    """A source, or a column; one that has lost all its sources is no column without sources."""
    view, bad = read_items(ColumnLineageDatasetFacet, facets, "$")
    assert isinstance(view, ColumnLineageDatasetFacet)
    assert {name: len(field.input_fields) for name, field in view.fields.items()} == kept
    assert [one.path for one in bad] == paths


def test_fields_of_a_schema() -> None:
    """A field without a name, or with an empty one, costs no other; a nested one neither."""
    fields = [{"name": "a"}, {"type": "int"}, {"name": ""}, None, {"name": "b", "fields": [{"name": "c"}, {}]}]
    view, bad = read_items(SchemaDatasetFacet, {"schema": {"fields": fields}}, "$")
    assert isinstance(view, SchemaDatasetFacet)
    assert [(field.name, [one.name for one in field.fields]) for field in view.fields] == [("a", []), ("b", ["c"])]
    assert [one.path for one in bad] == [
        "$.schema.fields[1].name",
        "$.schema.fields[2].name",
        "$.schema.fields[3]",
        "$.schema.fields[4].fields[1].name",
    ]


@pytest.mark.parametrize(
    ("view", "facet"),
    [
        (SymlinksDatasetFacet, {"identifiers": [{"namespace": "", "name": "t"}]}),
        (SchemaDatasetFacet, {"fields": [{}, {"name": ""}]}),
        (SchemaDatasetFacet, {"fields": "no list"}),
        (ColumnLineageDatasetFacet, {"fields": {"a": {"inputFields": [{}]}}}),
        (ColumnLineageDatasetFacet, {}),
        (ColumnLineageDatasetFacet, "no object"),
        (LineageFacet, {"inputs": [{"type": "DATASET", "namespace": "n", "name": "t"}, {"type": "DATASET"}]}),
    ],
)
def test_a_facet_of_which_nothing_is_left_is_none(view: Any, facet: Any) -> None:
    """An empty list would replace an older facet; explicit lineage is complete by definition, so it is read whole."""
    with pytest.raises(BadFacet) as caught:
        read_items(view, {view.key: facet}, "$")
    with pytest.raises(BadFacet) as whole:
        read(view, {view.key: facet}, "$")
    assert str(caught.value) == str(whole.value)


def test_a_facet_without_faults_is_read_as_ever() -> None:
    """One that is missing, one that is deleted, one that is whole."""
    whole = {"symlinks": {"identifiers": [{"namespace": "n", "name": "t"}]}}
    assert read_items(SymlinksDatasetFacet, {}, "$") == (None, [])
    assert read_items(SymlinksDatasetFacet, {"symlinks": {"_deleted": True}}, "$") == (DELETED, [])
    assert read_items(SymlinksDatasetFacet, whole, "$") == (read(SymlinksDatasetFacet, whole, "$"), [])


def test_reports_are_few() -> None:
    """However many items have faults."""
    fields = [{"name": "a"}, *[{} for _ in range(500)]]
    _, bad = read_items(SchemaDatasetFacet, {"schema": {"fields": fields}}, "$")
    assert len(bad) == MOST_REPORTED
    assert "(and 490 more items)" in bad[-1].reason
