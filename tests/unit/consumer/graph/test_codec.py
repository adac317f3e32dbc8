"""Facts as text: what is written is read back, and equal facts have equal text."""

from __future__ import annotations

from typing import Any

import pytest
from consumer.graph.members import INLINE, packed
from hypothesis import given

from consumer.graph import codec
from consumer.lineage.current import recount
from consumer.lineage.delta import JobFacts, NameFacts, Output, RunFacts, Written, join_jobs, join_names
from schemas.naming import DatasetName
from tests.support.generate import events
from tests.support.ingest import folded


@given(events())
def test_runs_come_back(documents: list[Any]) -> None:
    """A run's facts survive their text, and so does a run of which nothing was said."""
    for facts in (*folded(documents).runs.values(), RunFacts()):
        text = codec.dump_run(facts)
        assert codec.load_run(text) == facts
        assert codec.dump_run(codec.load_run(text)) == text


@given(events())
def test_jobs_come_back(documents: list[Any]) -> None:
    """A job's facts survive, with what is declared and what ran."""
    delta = folded(documents)
    for job, said in delta.jobs.items():
        facts = join_jobs(JobFacts(ran=recount(job, delta.runs.items())), said)
        text = codec.dump_job(facts)
        assert codec.load_job(text) == facts
        assert codec.dump_job(codec.load_job(text)) == text


@given(events())
def test_names_come_back(documents: list[Any]) -> None:
    """A name's facts survive, with what jobs wrote under it."""
    delta = folded(documents)
    members = frozenset(delta.names)
    written = {Output(job, name): Written(7, facts.facets) for job, facts in delta.jobs.items() for name in members}
    for said in delta.names.values():
        facts = join_names(said, NameFacts(members=members, preferred=True, written=written))
        text = codec.dump_name(facts)
        loaded = codec.load_name(text, {packed(members).ref: members}.__getitem__)
        assert loaded == facts
        assert codec.dump_name(loaded) == text


@pytest.mark.parametrize("count", [INLINE, INLINE + 1, 1_000])
def test_many_members_stand_elsewhere(count: int) -> None:
    """The facts of a name have a bounded length, however many other names its dataset has."""
    members = frozenset(DatasetName("ns", f"t{number:04}") for number in range(count))
    text = codec.dump_name(NameFacts(members=members))
    assert len(text) < 50 * (INLINE + 1)
    loaded = codec.load_name(text, {packed(members).ref: members}.__getitem__)
    assert loaded.members == members
    assert (loaded.members is members) is (count > INLINE)


@given(events())
def test_equal_facts_have_equal_text(documents: list[Any]) -> None:
    """The order in which things were said leaves no trace in the text, whose hash is a revision's token."""
    one, other = folded(documents), folded(documents[::-1])
    assert {key: codec.dump_run(facts) for key, facts in one.runs.items()} == {
        key: codec.dump_run(facts) for key, facts in other.runs.items()
    }
    assert {key: codec.dump_name(facts) for key, facts in one.names.items()} == {
        key: codec.dump_name(facts) for key, facts in other.names.items()
    }
