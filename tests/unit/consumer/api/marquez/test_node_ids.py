"""Ids of nodes: what is written is read, whatever the names hold."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.api.marquez.node_ids import NodeId, NodeKind, dataset_id, field_id, job_id, readings
from consumer.lineage.facts.keys import JobName
from schemas.naming import DatasetName

VERSION = "01234567-89ab-cdef-0123-456789abcdef"
PARTS = st.text("ab:/#%&=+ \u00e9", min_size=1, max_size=8)


@given(PARTS, PARTS, PARTS)
def test_bare_separators_say_where_the_parts_begin(space: str, name: str, field: str) -> None:
    """As the web UI writes ids: parts percent-encoded, colons between them bare. The first reading is the right one."""
    parts = [quote(part, safe="") for part in (space, name, field)]
    assert readings(f"dataset:{parts[0]}:{parts[1]}")[0] == NodeId(NodeKind.DATASET, (space, name))
    assert readings("datasetField:" + ":".join(parts))[0] == NodeId(NodeKind.FIELD, (space, name, field))


@given(PARTS, PARTS, PARTS)
def test_an_id_that_is_encoded_as_a_whole_is_among_the_readings(space: str, name: str, field: str) -> None:
    """As marquez-python and marquez-java write ids."""
    dataset = DatasetName(space, name)
    assert dataset in {one.dataset for one in readings(quote(dataset_id(dataset), safe=""))}
    assert (space, name, field) in {one.parts for one in readings(quote(field_id(dataset, field), safe=""))}
    assert JobName(space, name) in {one.job for one in readings(quote(job_id(JobName(space, name)), safe=""))}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (f"dataset:s3%3A%2F%2Fb:k%23{VERSION}", NodeId(NodeKind.DATASET, ("s3://b", "k"), VERSION)),
        (f"datasetField%3As%3An%3Af%23{VERSION.upper()}", NodeId(NodeKind.FIELD, ("s", "n", "f"), VERSION)),
        ("job:dbt:model.p.m#1", NodeId(NodeKind.JOB, ("dbt", "model.p.m#1"))),
        (
            "dataset:arn:aws:glue:us-east-1:1:table/d/t",
            NodeId(NodeKind.DATASET, ("arn:aws:glue:us-east-1:1", "table/d/t")),
        ),
    ],
)
def test_versions_and_longer_namespaces_first(raw: str, expected: NodeId) -> None:
    """A version is a UUID after `#`; of several ways to divide an id the one with the longest namespace is first."""
    assert readings(raw)[0] == expected


@pytest.mark.parametrize(
    "raw", ["", ":", "dataset", "dataset:", "dataset:a", "dataset::", "run:1", "Dataset:a:b", "job:a:"]
)
def test_what_is_no_id(raw: str) -> None:
    """Nothing is guessed."""
    assert readings(raw) == []


def test_an_id_of_colons_costs_little() -> None:
    """Each colon may separate, so their number is bounded."""
    assert readings("datasetField:" + ":" * 1_000) == []
    assert len(readings("datasetField%3A" + "a%3A" * 23 + "a")) <= 24 * 23
