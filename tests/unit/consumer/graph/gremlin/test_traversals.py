"""Edges of walks, as a Gremlin server returns them."""

from __future__ import annotations

import pytest

from consumer.graph import ids, schema
from consumer.graph.gremlin import traversals
from schemas.naming import DatasetName


def test_ends_and_job_follow_from_the_id() -> None:
    """Of an edge that has no such property the detail is empty."""
    source, target = (ids.column(DatasetName("s3://lake", name), "a/b") for name in ("one/of 100%", "two"))
    id_ = ids.edge_id(schema.COLUMN_EDGE, source, target, "job/dbt/model%2Fm")
    assert traversals.hop_of({"id": id_, "detail": "DIRECT"}) == (source, target, "job/dbt/model%2Fm", "DIRECT")
    assert traversals.hop_of({"id": ids.column_of(source)}) == (source, ids.dataset_of_column(source), "", "")


def test_an_edge_of_another_program_is_an_error() -> None:
    """An id of another form does not say where its edge leads."""
    with pytest.raises(ValueError, match="'e1' is not an id of an edge of this graph"):
        traversals.hop_of({"id": "e1"})
