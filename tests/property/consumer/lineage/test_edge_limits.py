"""What one event and one job may come to: what is beyond is left out and told of, whatever came first."""

from __future__ import annotations

import random
from typing import Any

import pytest

from consumer.lineage.column_lineage import Extent
from consumer.lineage.edge_limits import ID_CHARS, MAX_COLUMN_EDGES, MAX_EDGES, MAX_NAMES, Room
from consumer.lineage.facts.delta import Delta
from consumer.lineage.facts.keys import RunKey
from consumer.lineage.facts.output_facets import COLUMN_LINEAGE
from schemas.limits import MAX_LINKS, MAX_SYMLINKS
from tests.support.events.event_builders import (
    JOB,
    REDSHIFT,
    Json,
    column_edges,
    columns,
    dataset,
    edges,
    job_event,
    lineage,
    name,
    run_event,
)
from tests.support.graph.graph_of_events import folded


def tables(count: int, prefix: str = "t") -> list[str]:
    """Names of tables that sort as they are numbered."""
    return [f"{prefix}{number:05}" for number in range(count)]


def linked(table: str, count: int) -> Json:
    """A table with so many other names."""
    others = [{"namespace": "other", "name": f"{table}.{number}"} for number in range(count)]
    return dataset(table, symlinks={"identifiers": others}, schema=columns("x"))


def made_of(table: str, count: int, sources: int = 1) -> Json:
    """A table of which a column is made of so many, of so many tables."""
    fields = [
        {"namespace": REDSHIFT, "name": name(f"source{number % sources:05}").name, "field": f"c{number}"}
        for number in range(count)
    ]
    return dataset(table, columnLineage={"fields": {"x": {"inputFields": fields}}}, schema=columns("x"))


def only_problem(delta: Delta) -> tuple[str, str]:
    """The path and the reason of what was left out."""
    (problem,) = delta.problems
    return problem


class TestEvents:
    """What one event may say."""

    def test_a_dataset_keeps_its_name_without_too_many_symlinks(self) -> None:
        """The facet is left out; the dataset, its other facets and the run are not."""
        delta = folded([run_event("COMPLETE", 1, outputs=[linked("t", MAX_SYMLINKS + 1)])])
        path, reason = only_problem(delta)
        assert path == "$.outputs[0].facets.symlinks"
        assert f"{MAX_SYMLINKS + 1} symlinks" in reason
        assert delta.names.keys() == {name("t")}
        assert delta.runs[RunKey(JOB, "r1")].outputs == {name("t")}
        assert "schema" in delta.runs[RunKey(JOB, "r1")].carried[name("t")]

    def test_symlinks_of_all_datasets(self) -> None:
        """Each facet is small enough; those that the event has no room for are left out, in its order."""
        many = MAX_NAMES // MAX_SYMLINKS
        inputs = [linked(table, MAX_SYMLINKS) for table in tables(many)]
        assert not folded([run_event("COMPLETE", 1, inputs=inputs)]).problems
        delta = folded([run_event("COMPLETE", 1, inputs=inputs, outputs=[linked("u", 1)])])
        path, reason = only_problem(delta)
        assert path == "$.outputs[0].facets.symlinks"
        assert f"more than {MAX_NAMES} symlinks" in reason
        assert not delta.names[name("u")].links

    def test_column_lineage_of_all_outputs(self) -> None:
        """A facet that the event has no room for is left out; what the output is otherwise is not."""
        outputs = [made_of("t", MAX_LINKS - 1), made_of("u", 2), made_of("v", 1)]
        delta = folded([run_event("COMPLETE", 1, inputs=["source00000"], outputs=outputs)])
        path, reason = only_problem(delta)
        assert path == "$.outputs[1].facets.columnLineage"
        assert str(MAX_COLUMN_EDGES) in reason
        assert "send an event for each output" in reason
        carried = delta.runs[RunKey(JOB, "r1")].carried
        assert [COLUMN_LINEAGE in carried[name(table)] for table in "tuv"] == [True, False, True]
        assert "schema" in carried[name("u")]

    @pytest.mark.parametrize(("sources", "kept"), [(MAX_NAMES, True), (MAX_NAMES + 1, False)])
    def test_datasets_that_lineage_names(self, sources: int, kept: bool) -> None:  # noqa: FBT001 - what is expected
        """Sources are datasets too, and there may be as many of them."""
        delta = folded([run_event("COMPLETE", 1, outputs=[made_of("t", sources, sources)])])
        assert not delta.problems if kept else only_problem(delta)[0] == "$.outputs[0].facets.columnLineage"
        assert len(delta.names) == (sources + 1 if kept else 1)

    @pytest.mark.parametrize(("targets", "kept"), [(MAX_NAMES // 2, True), (MAX_NAMES // 2 + 1, False)])
    def test_lineage_that_a_job_states(self, targets: int, kept: bool) -> None:  # noqa: FBT001 - what is expected
        """It is left out as a whole: a part of it would pass for all."""
        entries = [
            {"type": "DATASET", "namespace": "ns", "name": f"t{number}", "inputs": [source(number)]}
            for number in range(targets)
        ]
        delta = folded([job_event(1, job_facets={"lineage": {"entries": entries}})])
        assert not delta.problems if kept else only_problem(delta)[0] == "$.job.facets.lineage"
        assert len(delta.names) == (2 * targets if kept else 0)

    def test_every_input_of_every_output(self) -> None:
        """What will not be drawn is told of with its numbers; all datasets are facts."""
        delta = folded([run_event("COMPLETE", 1, inputs=tables(101, "i"), outputs=tables(100))])
        path, reason = only_problem(delta)
        assert path == "$.outputs"
        for words in ("101 inputs of each of 100 outputs", "10100 edges", f"at most {MAX_EDGES}", "facets of lineage"):
            assert words in reason
        assert len(delta.runs[RunKey(JOB, "r1")].inputs) == 101
        assert not folded([run_event("COMPLETE", 1, inputs=tables(100, "i"), outputs=tables(100))]).problems

    def test_lineage_facets_make_room(self) -> None:
        """Where outputs say themselves what they are made of, not every input feeds them."""
        outputs = [made_of(table, 1) for table in tables(200)]
        assert not folded([run_event("COMPLETE", 1, inputs=tables(200, "i"), outputs=outputs)]).problems


def source(number: int) -> Json:
    """A source of explicit lineage."""
    return {"type": "DATASET", "namespace": "ns", "name": f"s{number}"}


class TestJobs:
    """What is drawn of one job, whatever its events add up to."""

    def test_edges_to_the_first_outputs_by_name(self) -> None:
        """Each output has all of its edges or none; what the job reads and writes is there in any case."""
        view = lineage(run_event("COMPLETE", 1, inputs=tables(101, "i"), outputs=tables(100)))
        assert edges(view) == {(of, to) for of in tables(101, "i") for to in tables(99)}
        assert view.left_out == 1
        assert (len(view.reads), len(view.writes)) == (101, 100)

    def test_events_that_are_small_enough_each(self) -> None:
        """Their union is bounded as well, and the same in any order."""
        parts: list[Any] = [
            run_event("START", 1, inputs=tables(150, "i"), outputs=["t00000"]),
            run_event("RUNNING", 2, inputs=["i00000"], outputs=tables(150)),
            run_event("COMPLETE", 3),
        ]
        assert not folded(parts).problems
        view = lineage(*parts)
        assert view.left_out == 150 - MAX_EDGES // 150
        assert len(view.edges) == MAX_EDGES // 150 * 150
        for seed in range(5):
            random.Random(seed).shuffle(parts)
            assert lineage(*parts, *parts) == view

    def test_column_edges_to_the_first_outputs_by_name(self) -> None:
        """Each event has room for its facet, the job has not; dataset edges are there in any case."""
        tables_ = ("t", "u", "v")
        counts = dict(zip(tables_, (MAX_LINKS - 1, 2, 1), strict=True))
        parts: list[Any] = [run_event("RUNNING", 1, outputs=[made_of(table, count)]) for table, count in counts.items()]
        parts.append(run_event("COMPLETE", 2))
        view = lineage(*parts)
        assert {to for _, to in column_edges(view)} == {"t.x", "v.x"}
        assert len(view.columns) == MAX_COLUMN_EDGES
        assert view.left_out == 1
        assert {to for _, to in edges(view)} == set(tables_)
        assert lineage(*parts[::-1]) == view

    def test_long_names_count_for_what_they_take(self) -> None:
        """A name may be as long as ten usual ones; the ids of edges hold two of them."""
        long = [dataset(f"{number:02}{'x' * 2_000}") for number in range(80)]
        view = lineage(run_event("COMPLETE", 1, inputs=long[:40], outputs=long[40:]))
        assert 0 < len(view.edges) < 40 * 40
        assert len(view.edges) * 4_000 < MAX_EDGES * ID_CHARS
        assert view.left_out == 40 - len({target for _, target in view.edges})


def test_room() -> None:
    """Edges and characters are counted apart; what does not fit takes nothing."""
    room = Room(2)
    assert not room.take(Extent(3, 0))
    assert not room.take(Extent(1, 2 * ID_CHARS + 1))
    assert room.take(Extent(1, 2 * ID_CHARS))
    assert not room.has(Extent(1, 1))
    assert room.take(Extent(1, 0))
    assert not room.has(Extent(1, 0))
