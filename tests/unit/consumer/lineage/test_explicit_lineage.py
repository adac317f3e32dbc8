"""Lineage that producers state themselves."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from consumer.lineage.column_lineage import sources, unpack
from consumer.lineage.explicit_lineage import DECLARED, Endpoint, Flow, unpack_flows
from consumer.lineage.facts.delta import Delta
from consumer.lineage.facts.keys import JobName, RunKey
from consumer.lineage.facts.output_facets import LINEAGE
from schemas.naming import DatasetName
from tests.support.events.event_builders import (
    REDSHIFT,
    columns,
    dataset,
    dataset_event,
    job_event,
    made_of,
    name,
    run_event,
)
from tests.support.graph.graph_of_events import embedded, folded

Json = dict[str, Any]
OWN: Json = {"type": "JOB"}
OTHER: Json = {"type": "JOB", "namespace": "airflow", "name": "load"}
OTHER_JOB = Endpoint("JOB", "airflow", "load")
JOB = JobName("dbt", "j")


def of(table: str, **more: Any) -> Json:
    """A dataset as a source or a target."""
    return {"type": "DATASET", "namespace": REDSHIFT, "name": name(table).name, **more}


def stating(
    *entries: Json, kind: str = "COMPLETE", inputs: list[str] | None = None, outputs: list[Any] | None = None
) -> Json:
    """A run whose job states its lineage."""
    return run_event(
        kind, 1, inputs=inputs or [], outputs=outputs or [], job_facets={"lineage": {"entries": list(entries)}}
    )


def graph(*events: Json) -> tuple[set[tuple[str, str]], set[str], set[str]]:
    """The dataset edges of the graph that events make, and what is read and written, by the tables' last names."""
    document = orjson.loads(embedded([list(events)]))
    edges = {(last(source), last(target)) for source, target, _ in document["dataset_edges"]}
    return edges, {last(one) for one, _ in document["reads"]}, {last(one) for _, one in document["writes"]}


def last(one: list[str]) -> str:
    """The last part of a dataset's name."""
    return one[1].rpartition(".")[2]


def flows(delta: Delta, job: JobName = JOB) -> set[Flow]:
    """The flows from and to other jobs that are kept with a job."""
    ref = delta.jobs[job].facets[LINEAGE].ref
    return set(unpack_flows(delta.contents.get(ref, ref)))


class TestNoCartesianProduct:
    """Where a job states its lineage, no more is inferred from its inputs and outputs."""

    def test_an_output_that_is_not_named(self) -> None:
        """[c <- a] with inputs a, b and outputs c, d is one edge."""
        edges, reads, writes = graph(stating(of("c", inputs=[of("a")]), inputs=["a", "b"], outputs=["c", "d"]))
        assert (edges, reads, writes) == ({("a", "c")}, {"a", "b"}, {"c", "d"})

    @pytest.mark.parametrize("entries", [[], [{**OWN, "inputs": [of("a")]}], [{**OTHER, "inputs": []}]])
    def test_no_entry_for_a_dataset(self, entries: list[Json]) -> None:
        """An empty list, and entries for jobs alone, say that nothing flows into the outputs."""
        assert graph(stating(*entries, inputs=["a", "b"], outputs=["c", "d"]))[0] == set()

    def test_an_output_with_lineage_of_its_own(self) -> None:
        """What an output says of itself stands, where the job's facet does not name it."""
        outputs = [dataset("c", lineage={"inputs": [of("a")]}), dataset("d", columnLineage=made_of(x="b.x"))]
        assert graph(stating(inputs=["a", "b"], outputs=outputs))[0] == {("a", "c"), ("b", "d")}

    def test_column_lineage_that_comes_later_in_the_run(self) -> None:
        """What was said to be nothing at the start may be known at the end."""
        start = stating(kind="START", inputs=["a"], outputs=["d"])
        end = {
            **stating(inputs=["a"], outputs=[dataset("d", columnLineage=made_of(x="a.x"))]),
            "eventTime": "2026-01-01T00:00:09Z",
        }
        assert graph(start, end)[0] == graph(end, start)[0] == {("a", "d")}

    def test_a_facet_that_was_deleted(self) -> None:
        """Inputs feed outputs again."""
        deleted = run_event("COMPLETE", 1, inputs=["a"], outputs=["c"], job_facets={"lineage": {"_deleted": True}})
        assert graph(deleted)[0] == {("a", "c")}

    def test_declared_by_a_job_event(self) -> None:
        """On a JobEvent the facet means the same."""
        facets = {"lineage": {"entries": [of("c", inputs=[of("a")])]}}
        assert graph(job_event(1, inputs=["a", "b"], outputs=["c", "d"], job_facets=facets))[0] == {("a", "c")}


class TestEntries:
    """Several entries of one target, and their columns."""

    def test_all_entries_of_a_target_count(self) -> None:
        """An array may name a target more than once."""
        entries = [
            of("c", inputs=[of("a")]),
            of("c", inputs=[of("b", field="x")], fields={"k": {"inputs": [of("a", field="k")]}}),
            of("c", fields={"k": {"inputs": [of("b", field="k2")]}}),
            of("C", inputs=[]),
        ]
        delta = folded([stating(*entries, outputs=["c"])])
        register = delta.runs[RunKey(JOB, "r1")].carried[name("c")][LINEAGE]
        told = unpack(delta.contents.get(register.ref, register.ref))
        assert set(told.datasets or ()) == {name("a"), name("b")}
        assert {column: {(one.dataset, one.column) for one in made} for column, made in told.columns.items()} == {
            "k": {(name("a"), "k"), (name("b"), "k2")},
            "*": {(name("b"), "x")},
        }

    @pytest.mark.parametrize("targets", [("table",), ("location",), ("table", "location")])
    def test_a_target_by_another_of_its_names(self, targets: tuple[str, ...]) -> None:
        """An output's own name and that of its symlink are one target."""
        output = dataset("location", symlinks={"identifiers": [{**dataset("table"), "type": "TABLE"}]})
        entries = [of(target, inputs=[of(source)]) for target, source in zip(targets, "ab", strict=False)]
        edges, _, writes = graph(stating(*entries, inputs=["a", "b"], outputs=[output, "d"]))
        assert {source for source, _ in edges} == set("ab"[: len(targets)])
        assert len({target for _, target in edges}) == 1
        assert len(writes) == 2

    def test_their_order_makes_no_difference(self) -> None:
        """The same entries in another order are the same facts."""
        entries = [of("c", inputs=[of("a")]), of("c", inputs=[of("b")]), {**OTHER, "inputs": [of("a")]}]
        one, other = (folded([stating(*said, outputs=["c"])]) for said in (entries, entries[::-1]))
        assert (one.runs, one.jobs) == (other.runs, other.jobs)


class TestJobs:
    """Entries and sources that are jobs."""

    def test_the_job_itself(self) -> None:
        """What flows into it is read, what it flows into is written; neither feeds the other by that."""
        named = {"type": "JOB", "namespace": "dbt", "name": "j"}
        for own in (OWN, named):
            event = stating({**own, "inputs": [of("config")]}, of("out", inputs=[own]), inputs=["a"], outputs=["b"])
            assert graph(event) == (set(), {"a", "config"}, {"b", "out"})
            assert flows(folded([event])) == set()

    @pytest.mark.parametrize(
        ("entry", "expected"),
        [
            ({**OTHER, "inputs": [of("a")]}, Flow(Endpoint("DATASET", *name("a")), OTHER_JOB)),
            (of("c", inputs=[OTHER]), Flow(OTHER_JOB, Endpoint("DATASET", *name("c")))),
            (of("c", fields={"x": {"inputs": [OTHER]}}), Flow(OTHER_JOB, Endpoint("DATASET", *name("c")))),
            ({**OTHER, "inputs": [OWN]}, Flow(Endpoint("JOB", *JOB), OTHER_JOB)),
            ({**OWN, "inputs": [OTHER]}, Flow(OTHER_JOB, Endpoint("JOB", *JOB))),
        ],
        ids=["dataset to job", "job to dataset", "job to column", "to another job", "from another job"],
    )
    @pytest.mark.parametrize("declared", [False, True])
    def test_other_jobs_are_kept_as_such(self, entry: Json, expected: Flow, *, declared: bool) -> None:
        """They are no inputs and no outputs of the event's job."""
        facets = {"lineage": {"entries": [entry]}}
        event = job_event(1, job_facets=facets) if declared else stating(entry)
        delta = folded([event])
        assert flows(delta) == {expected}
        assert all(not run.inputs and not run.outputs for run in delta.runs.values())

    def test_a_source_of_an_output_that_is_a_job(self) -> None:
        """A dataset's own facet may name jobs, too."""
        event = run_event("COMPLETE", 1, outputs=[dataset("c", lineage={"inputs": [OTHER, OWN, of("a")]})])
        assert flows(folded([event])) == {Flow(OTHER_JOB, Endpoint("DATASET", *name("c")))}

    def test_only_what_completed_counts(self) -> None:
        """A run that starts or fails has moved nothing yet; a later facet replaces all flows."""
        entry = {**OTHER, "inputs": [of("a")]}
        for kind in ("START", "RUNNING", "FAIL", "ABORT"):
            assert LINEAGE not in folded([stating(entry, kind=kind)]).jobs[JOB].facets
        later = {**stating(), "eventTime": "2026-01-01T00:00:09Z"}
        assert flows(folded([stating(entry), later])) == flows(folded([later, stating(entry)])) == set()


class TestDatasetEvents:
    """Lineage of a dataset by itself, such as a view."""

    @pytest.mark.parametrize(
        "said",
        [
            {"lineage": {"inputs": [of("a")], "fields": {"x": {"inputs": [of("a", field="x")]}}}},
            {"columnLineage": made_of(x="a.x")},
        ],
        ids=["lineage", "columnLineage"],
    )
    def test_it_is_an_edge(self, said: Json) -> None:
        """Of datasets and of columns, by a job that stands for the declaration."""
        event = dataset_event(1, dataset("v", schema=columns("x"), **said))
        document = orjson.loads(embedded([[event]]))
        job = [DECLARED, f"{REDSHIFT} {name('v').name}"]
        assert document["dataset_edges"] == [[list(name("a")), list(name("v")), job]]
        assert document["column_edges"] == [[[*name("a"), "x"], [*name("v"), "x"], job]]

    def test_a_later_one_replaces_it(self) -> None:
        """The facet is replaced as a whole, or deleted."""
        first = dataset_event(1, dataset("v", lineage={"inputs": [of("a")]}))
        second = dataset_event(2, dataset("v", lineage={"inputs": [of("b")]}))
        third = dataset_event(3, dataset("v", lineage={"_deleted": True}))
        assert graph(first, second)[0] == graph(second, first)[0] == {("b", "v")}
        assert graph(third, second, first)[0] == set()

    def test_it_takes_nothing_from_the_job_that_makes_it(self) -> None:
        """What a run told, and what is declared, are both there."""
        declared = dataset_event(9, dataset("v", lineage={"inputs": [of("b")]}))
        assert graph(run_event("COMPLETE", 1, inputs=["a"], outputs=["v"]), declared)[0] == {("a", "v"), ("b", "v")}

    def test_one_without_lineage_declares_nothing(self) -> None:
        """It has no job."""
        assert folded([dataset_event(1, dataset("v", schema=columns("x")))]).jobs == {}

    def test_an_input_of_a_job_event_states_it_too(self) -> None:
        """A view that a declared job reads is made from what its own facets name."""
        for said in ({"lineage": {"inputs": [of("a")]}}, {"columnLineage": made_of(x="a.x")}):
            declared = job_event(1, inputs=[dataset("v", **said)], outputs=["t"])
            assert graph(declared)[0] == {("a", "v"), ("v", "t")}
            ran = run_event("COMPLETE", 1, inputs=[dataset("v", **said)], outputs=["t"])
            assert graph(ran)[0] == {("v", "t")}, "of a run's inputs it is no word of the specification"
        delta = folded([job_event(1, inputs=["a", dataset("v", lineage={"inputs": 7})])])
        assert [problem.path for problem in delta.problems] == ["$.inputs[1].facets.lineage.inputs"]

    def test_a_bad_facet_is_reported_where_it_is(self) -> None:
        """Under the dataset's path, once."""
        delta = folded([dataset_event(1, dataset("v", lineage={"inputs": 7}))])
        assert [problem.path for problem in delta.problems] == ["$.dataset.facets.lineage.inputs"]


def test_names_that_are_no_tables_state_nothing() -> None:
    """An alias of a known engine is left out of stated lineage as well."""
    alias = {"type": "DATASET", "namespace": REDSHIFT, "name": "d"}
    delta = folded([stating(of("c", inputs=[alias, of("a")]), {**OWN, "inputs": [alias]}, outputs=["c"])])
    register = delta.runs[RunKey(JOB, "r1")].carried[name("c")][LINEAGE]
    assert sources(delta.contents.get(register.ref, register.ref)) == {name("a")}
    assert DatasetName(REDSHIFT, "d") not in delta.names
