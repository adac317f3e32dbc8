"""Ids: two different names never give one id, and an id gives its name back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.graph import ids, schema
from consumer.lineage.facts.keys import ExposureName, GroupKey, JobName, OutputKey, RunKey
from schemas.naming import DatasetName

PARTS = st.lists(st.text() | st.text(alphabet="a/%25F"), max_size=5)
KINDS = st.sampled_from(("dataset", "column_edge", "run_of", "facet"))


@given(KINDS, PARTS)
def test_an_id_can_be_parsed_back(kind: str, parts: list[str]) -> None:
    """Whatever is in the parts, they come back as they were."""
    assert ids.parse(ids.make(kind, *parts)) == (kind, *parts)


@given(KINDS, PARTS, KINDS, PARTS)
def test_different_names_have_different_ids(kind: str, parts: list[str], other_kind: str, other: list[str]) -> None:
    """One id is one thing, however names are cut into parts."""
    same = (kind, parts) == (other_kind, other)
    assert (ids.make(kind, *parts) == ids.make(other_kind, *other)) == same


@given(st.text(alphabet="a/%25F:."), st.text(alphabet="a/%25F:."), st.text(alphabet="a/%25F:."))
def test_ids_of_columns(namespace: str, name: str, column: str) -> None:
    """The short ways to ids of columns give those that are made of parts."""
    made = ids.column(DatasetName(namespace, name), column)
    assert made == ids.make("column", namespace, name, column)
    assert ids.column_of(made) == ids.make("column_of", namespace, name, column)


def test_slashes_and_percents() -> None:
    """An escaped slash in a name is not a slash, and other names stay readable."""
    assert ids.dataset(DatasetName("s3://b", "a/c%2F")) == "dataset/s3:%2F%2Fb/a%2Fc%252F"
    assert ids.job(JobName("dbt", "model.p.t")) == "job/dbt/model.p.t"
    assert ids.column(DatasetName("a", "b"), "x.y") == "column/a/b/x.y"
    assert ids.name(DatasetName("a", "b")) != ids.dataset(DatasetName("a", "b"))
    assert ids.run(RunKey(JobName("a", "b/c"), "r")) == "run/a/b%2Fc/r"
    assert ids.facet("#f") == "facet/#f"


def test_keys_come_back() -> None:
    """The key of a vertex can be parsed from its id."""
    job, name = JobName("a/b", "c"), DatasetName("s3://b", "d/e")
    run, output = RunKey(job, "r/1"), OutputKey(job, name)
    assert ids.run_key(ids.run(run)) == run
    assert ids.output_key(ids.output(output)) == output
    assert ids.run_dataset_key(ids.run_dataset(run, name)) == (run, name)
    assert ids.parse(ids.group(GroupKey(job, "p/q"))) == ("group", "a/b", "c", "p/q")


JOB, OTHER_JOB = JobName("a/b", "c%"), JobName("d", "e")
NAME, OTHER_NAME = DatasetName("s3://b", "d/e"), DatasetName("f", "g")
RUN = RunKey(JOB, "r/1")
EDGES = [
    (schema.EDGE, ids.dataset(NAME), ids.dataset(OTHER_NAME), ids.job(JOB)),
    (schema.EDGE, ids.dataset(NAME), ids.exposure(ExposureName("a/b", "exposure.p.x")), ""),
    (schema.READS, ids.dataset(NAME), ids.job(JOB), ""),
    (schema.WRITES, ids.job(JOB), ids.dataset(NAME), ""),
    (schema.COLUMN_EDGE, ids.column(NAME, "x/y"), ids.column(OTHER_NAME, "z"), ids.job(JOB)),
    (schema.COLUMN_OF, ids.column(NAME, "x/y"), ids.dataset(NAME), ""),
    (schema.RUN_OF, ids.run(RUN), ids.job(JOB), ""),
    (schema.CHILD_OF, ids.run(RUN), ids.run(RunKey(OTHER_JOB, "p")), ""),
    (schema.NAMES, ids.job(JOB), ids.name(NAME), ""),
    (schema.OUTPUT_OF, ids.output(OutputKey(JOB, NAME)), ids.name(NAME), ""),
    (schema.RUN_DATASET_OF, ids.run_dataset(RUN, NAME), ids.run(RUN), ""),
]


@pytest.mark.parametrize("ends", EDGES, ids=[f"{edge[0]} {edge[2].partition('/')[0]}" for edge in EDGES])
def test_an_edge_is_known_by_its_ends(ends: tuple[str, str, str, str]) -> None:
    """From its ends and its job the id of an edge can be made, and from the id they come back."""
    made = ids.edge_id(*ends)
    assert ids.edge_ends(made) == ends
    assert ids.parse(made)[0] == made.partition("/")[0], "it is an id like others"


@pytest.mark.parametrize("foreign", ["edge/a", "dataset/a/b", "line/a/b", "", "edge/a/b/c/d/e/f/g", "reads/a/b/c"])
def test_ids_that_are_of_no_edge(foreign: str) -> None:
    """They have no ends."""
    assert ids.edge_ends(foreign) is None


def test_foreign_ids() -> None:
    """Neither makes nor parses what is no id of this graph; the message names it."""
    with pytest.raises(ValueError, match="'table'"):
        ids.make("table", "a")
    with pytest.raises(ValueError, match="'42/a' is not an id of this graph"):
        ids.parse("42/a")
