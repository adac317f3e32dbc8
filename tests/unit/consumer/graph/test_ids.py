"""Ids: two different names never give one id, and an id gives its name back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.graph import ids
from consumer.lineage.facts.keys import GroupKey, JobName, OutputKey, RunKey
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


def test_slashes_and_percents() -> None:
    """An escaped slash in a name is not a slash, and other names stay readable."""
    assert ids.dataset(DatasetName("s3://b", "a/c%2F")) == "dataset/s3:%2F%2Fb/a%2Fc%252F"
    assert ids.job(JobName("dbt", "model.p.t")) == "job/dbt/model.p.t"
    assert ids.column(DatasetName("a", "b"), "x.y") == "column/a/b/x.y"
    assert ids.name(DatasetName("a", "b")) != ids.dataset(DatasetName("a", "b"))
    assert ids.run(RunKey(JobName("a", "b/c"), "r")) == "run/a/b%2Fc/r"
    assert ids.facet("#f") == "facet/#f"


def test_keys_come_back() -> None:
    """From an id the key of its vertex can be told."""
    job, name = JobName("a/b", "c"), DatasetName("s3://b", "d/e")
    run, output = RunKey(job, "r/1"), OutputKey(job, name)
    assert ids.run_key(ids.run(run)) == run
    assert ids.output_key(ids.output(output)) == output
    assert ids.run_dataset_key(ids.run_dataset(run, name)) == (run, name)
    assert ids.parse(ids.group(GroupKey(job, "p/q"))) == ("group", "a/b", "c", "p/q")


def test_foreign_ids() -> None:
    """Neither makes nor parses what is no id of this graph; the message names it."""
    with pytest.raises(ValueError, match="'table'"):
        ids.make("table", "a")
    with pytest.raises(ValueError, match="'42/a' is not an id of this graph"):
        ids.parse("42/a")
