"""Lineage as it follows from facts: what people read off the graph."""

from __future__ import annotations

import pytest

from consumer.lineage.column_lineage import sources
from consumer.lineage.facts.current import executions_of
from consumer.lineage.facts.delta import JobFacts, NameFacts
from consumer.lineage.facts.output_facets import Carried, Winner, Winners
from consumer.lineage.facts.registers import Register, Registers
from consumer.lineage.identity import HUB
from consumer.lineage.lifecycle import Placement
from consumer.lineage.views import JobView, Stated, dataset_facets, in_force, job_view, names_in, node_view, targets_of
from schemas.naming import DatasetName
from tests.support.events.event_builders import (
    JOB,
    REDSHIFT,
    Anywhere,
    Json,
    column_edges,
    dataset,
    edges,
    facts_of,
    job_event,
    lineage,
    made_of,
    name,
    outputs_of,
    run_event,
)
from tests.support.graph.graph_of_events import folded

OLD = run_event("COMPLETE", 10, run="old", inputs=["a"], outputs=[dataset("t", columnLineage=made_of(x="a.x"))])
"""A run that made `t` from `a`."""


def explicit(*tables: str, **fields: str) -> Json:
    """A lineage facet of a dataset: source tables, and a source column for each column."""

    def source(table: str) -> Json:
        found, _, column = table.partition(".")
        return {
            "type": "DATASET",
            "namespace": REDSHIFT,
            "name": name(found).name,
            **({"field": column} if column else {}),
        }

    by_column = {column: {"inputs": [source(said)]} for column, said in fields.items()}
    return {"inputs": [source(table) for table in tables], "fields": by_column}


class TestDatasetEdges:
    """From which datasets a job makes which."""

    def test_every_input_feeds_every_output(self) -> None:
        """That is what an event without facets says."""
        view = lineage(run_event("COMPLETE", 1, inputs=["a", "b"], outputs=["t", "u"]))
        assert edges(view) == {("a", "t"), ("b", "t"), ("a", "u"), ("b", "u")}
        assert view.reads == {name("a"), name("b")}
        assert view.writes == {name("t"), name("u")}

    def test_an_edge_that_a_later_run_no_longer_has_disappears(self) -> None:
        """The graph shows what is, not what was."""
        view = lineage(OLD, run_event("COMPLETE", 20, run="new", inputs=["b"], outputs=["t"]))
        assert edges(view) == {("b", "t")}

    def test_a_failed_run_adds_and_retires_nothing(self) -> None:
        """Neither edges nor column edges move when a run fails, whatever its START said."""
        said = dataset("t", columnLineage=made_of(x="b.y"))
        started = run_event("START", 20, run="new", inputs=["b"], outputs=[said, "u"])
        assert lineage(OLD, started, run_event("FAIL", 21, run="new")) == lineage(OLD)

    def test_several_outputs_with_column_lineage(self) -> None:
        """Where outputs say what they are made of, that goes before all to all; the others get every input."""
        outputs = [dataset("t", columnLineage=made_of(x="a.x")), dataset("u")]
        view = lineage(run_event("COMPLETE", 1, inputs=["a", "b"], outputs=outputs))
        assert edges(view) == {("a", "t"), ("a", "u"), ("b", "u")}

    def test_one_output_with_column_lineage(self) -> None:
        """A filter's table may be missing from columns: of a single output every input is a source."""
        view = lineage(
            run_event("COMPLETE", 1, inputs=["a", "b"], outputs=[dataset("t", columnLineage=made_of(x="a.x"))])
        )
        assert edges(view) == {("a", "t"), ("b", "t")}

    @pytest.mark.parametrize(
        "said", [explicit("c"), explicit(x="c.x"), explicit("c.x")], ids=["whole", "column", "to all"]
    )
    def test_explicit_lineage_wins(self, said: Json) -> None:
        """What a producer states itself goes before inputs and column lineage."""
        output = dataset("t", lineage=said, columnLineage=made_of(y="a.y"))
        assert edges(lineage(run_event("COMPLETE", 1, inputs=["a", "b"], outputs=[output]))) == {("c", "t")}

    def test_explicit_lineage_may_state_that_nothing_feeds(self) -> None:
        """An empty list of inputs is a statement."""
        view = lineage(run_event("COMPLETE", 1, inputs=["a"], outputs=[dataset("t", lineage=explicit())]))
        assert edges(view) == set()
        assert view.reads == {name("a")}

    def test_a_job_states_the_lineage_of_its_targets(self) -> None:
        """Each target gets its own sources, and no more."""
        sources = explicit("c")
        entry = {"type": "DATASET", "namespace": REDSHIFT, "name": name("t").name, "inputs": sources["inputs"]}
        stated = run_event(
            "COMPLETE", 20, run="new", inputs=["a"], outputs=["u"], job_facets={"lineage": {"entries": [entry]}}
        )
        assert edges(lineage(stated)) == {("c", "t")}, "an output that the facet does not name is fed by nothing"

    def test_an_unfinished_run_is_seen_while_it_runs(self) -> None:
        """Inputs of an unfinished run feed the outputs at once."""
        view = lineage(run_event("START", 1, inputs=["a"]), run_event("RUNNING", 2, outputs=["t"]))
        assert edges(view) == {("a", "t")}

    def test_runs_that_read_one_thing_each(self) -> None:
        """Mapped tasks under one parent: each output is made from its own run's inputs, not from those of all."""
        parent = {"parent": {"run": {"runId": "p"}, "job": {"namespace": "dbt", "name": "dag"}}}
        view = lineage(
            *(
                run_event("COMPLETE", n, run=f"m{n}", inputs=[f"in{n}"], outputs=[f"out{n}"], run_facets=parent)
                for n in range(3)
            )
        )
        assert edges(view) == {("in0", "out0"), ("in1", "out1"), ("in2", "out2")}

    def test_sources_of_columns_are_read(self) -> None:
        """What column lineage names and the inputs do not is a source, too."""
        output = dataset("o", columnLineage=made_of(x="a.x", y="b.y"))
        view = lineage(run_event("COMPLETE", 1, inputs=["a"], outputs=[output]))
        assert edges(view) == {("a", "o"), ("b", "o")}
        assert column_edges(view) == {("a.x", "o.x"), ("b.y", "o.y")}
        assert view.reads == {name("a"), name("b")}

    def test_sources_that_are_no_inputs_do_not_stand_for_all(self) -> None:
        """Of several outputs one whose columns name none of the inputs has every input as well."""
        outputs = [dataset("t", columnLineage=made_of(x="far.x")), dataset("u")]
        view = lineage(run_event("COMPLETE", 1, inputs=["a"], outputs=outputs))
        assert edges(view) == {("a", "t"), ("far", "t"), ("a", "u")}

    def test_a_cte_never_costs_an_edge(self) -> None:
        """Column lineage with a name that is no table is not complete, so every input still feeds the output."""
        fields = [*made_of(x="a.x")["fields"]["x"]["inputFields"], {"namespace": REDSHIFT, "name": "cte", "field": "x"}]
        outputs = [dataset("t", columnLineage={"fields": {"x": {"inputFields": fields}}}), dataset("u")]
        view = lineage(run_event("COMPLETE", 1, inputs=["a", "b"], outputs=outputs))
        assert edges(view) == {("a", "t"), ("b", "t"), ("a", "u"), ("b", "u")}
        assert column_edges(view) == {("a.x", "t.x")}

    def test_a_declared_job(self) -> None:
        """A JobEvent makes edges without any run."""
        assert edges(lineage(job_event(1, inputs=["a"], outputs=["t"]))) == {("a", "t")}


class TestColumnEdges:
    """From which columns a job makes which."""

    def test_the_latest_run_that_carried_the_facet(self) -> None:
        """A later run without the facet keeps it; one with it replaces it as a whole."""
        bare = run_event("COMPLETE", 20, run="bare", inputs=["a", "b"], outputs=["t"])
        assert column_edges(lineage(OLD, bare)) == {("a.x", "t.x")}
        new = run_event("COMPLETE", 30, run="new", outputs=[dataset("t", columnLineage=made_of(y="b.y"))])
        assert column_edges(lineage(OLD, bare, new)) == {("b.y", "t.y")}

    def test_a_source_that_is_no_longer_read(self) -> None:
        """New SQL that was not understood reads another table: dataset edges and column edges agree."""
        new = run_event("COMPLETE", 20, run="new", inputs=["b"], outputs=["t"])
        assert edges(lineage(OLD, new)) == {("b", "t")}
        assert column_edges(lineage(OLD, new)) == set()
        two = [dataset("t", columnLineage=made_of(x="a.x", y="b.y"))]
        older = run_event("COMPLETE", 15, run="older", inputs=["a", "b"], outputs=two)
        assert column_edges(lineage(older, new)) == {("b.y", "t.y")}, "what is still read stays"

    def test_a_streaming_job_has_them_at_once(self) -> None:
        """Its output is made of columns for as long as it runs; the next snapshot replaces them."""
        streaming = {"jobType": {"processingType": "STREAMING", "integration": "FLINK"}}
        output = dataset("out", columnLineage=made_of(x="in1.x"))
        said = [
            run_event("START", 1, inputs=["in1"], job_facets=streaming),
            run_event("RUNNING", 2, inputs=["in1"], outputs=[output], job_facets=streaming),
        ]
        view = lineage(*said)
        assert (edges(view), column_edges(view)) == ({("in1", "out")}, {("in1.x", "out.x")})
        view = lineage(*said, run_event("RUNNING", 3, inputs=["in2"], outputs=["out"], job_facets=streaming))
        assert (edges(view), column_edges(view)) == ({("in2", "out")}, set())

    def test_the_end_of_the_run_counts_not_the_time_of_the_word(self) -> None:
        """A long run that said its lineage early, and ended late, is the latest."""
        long = [run_event("START", 1, run="long", outputs=[dataset("t", columnLineage=made_of(y="b.y"))])]
        assert column_edges(lineage(*long, OLD, run_event("COMPLETE", 11, run="long"))) == {("b.y", "t.y")}

    def test_a_start_carries_what_a_bare_complete_confirms(self) -> None:
        """While the run goes on, what was in force stays."""
        started = run_event(
            "START", 20, run="new", inputs=["b"], outputs=[dataset("t", columnLineage=made_of(y="b.y"))]
        )
        assert column_edges(lineage(OLD, started)) == {("a.x", "t.x")}
        assert column_edges(lineage(OLD, started, run_event("COMPLETE", 21, run="new"))) == {("b.y", "t.y")}

    def test_deleted(self) -> None:
        """`_deleted` leaves none."""
        gone = run_event(
            "COMPLETE", 20, run="new", inputs=["a"], outputs=[dataset("t", columnLineage={"_deleted": True})]
        )
        assert column_edges(lineage(OLD, gone)) == set()

    def test_an_output_that_is_no_longer_written(self) -> None:
        """Its column edges go with it, and come back with it."""
        away = run_event("COMPLETE", 20, run="new", inputs=["a"], outputs=["u"])
        assert column_edges(lineage(OLD, away)) == set()
        again = run_event("COMPLETE", 30, run="newer", inputs=["a"], outputs=["t"])
        assert column_edges(lineage(OLD, away, again)) == {("a.x", "t.x")}

    def test_influence_on_all(self) -> None:
        """What a filter reads is an edge to the column that stands for all."""
        said = made_of(x="a.x")
        said["dataset"] = made_of(any="b.f")["fields"]["any"]["inputFields"]
        view = lineage(run_event("COMPLETE", 1, inputs=["a", "b"], outputs=[dataset("t", columnLineage=said)]))
        assert column_edges(view) == {("a.x", "t.x"), ("b.f", "t.*")}

    def test_explicit_lineage_supersedes(self) -> None:
        """A lineage facet is the whole truth of its output, also where it names no columns."""
        by_column = made_of(x="a.x")
        for said, expected in ((explicit(y="c.y"), {("c.y", "t.y")}), (explicit("c"), set())):
            output = dataset("t", columnLineage=by_column, lineage=said)
            assert column_edges(lineage(run_event("COMPLETE", 1, outputs=[output]))) == expected

    def test_an_explicit_facet_counts_for_its_own_run_alone(self) -> None:
        """The next run may not carry any: then its inputs and the columns that are known from before count."""
        stated = run_event("COMPLETE", 20, run="new", inputs=["c"], outputs=[dataset("t", lineage=explicit(y="c.y"))])
        assert column_edges(lineage(OLD, stated)) == {("c.y", "t.y")}
        bare = run_event("COMPLETE", 30, run="bare", inputs=["a", "c"], outputs=["t"])
        assert column_edges(lineage(OLD, stated, bare)) == {("a.x", "t.x")}
        assert edges(lineage(OLD, stated, bare)) == {("a", "t"), ("c", "t")}

    def test_a_declaration_that_a_run_overrules(self) -> None:
        """Columns that a description of the same code tells do not count after the code has run."""
        sql = {"sql": {"query": "select 1"}}
        ran = run_event("COMPLETE", 10, inputs=["a"], outputs=["t"], job_facets=sql)
        declared = job_event(20, inputs=["a"], outputs=[dataset("t", columnLineage=made_of(x="a.x"))], job_facets=sql)
        assert column_edges(lineage(declared)) == {("a.x", "t.x")}
        assert column_edges(lineage(ran, declared)) == set()


def shown_as_t(*documents: Json) -> JobView:
    """The lineage of a job where the table `alias` is shown as `t`."""
    texts = folded(documents).contents
    placements = Anywhere({name("alias"): Placement(name("t"))})
    return job_view(facts_of(*documents), outputs_of(*documents), placements, lambda ref: texts.get(ref, ref))


class TestShownNames:
    """Edges lead between shown names, and tell what made them."""

    def test_names_of_one_dataset_are_one_end(self) -> None:
        """Two names of one dataset make one edge."""
        facts = facts_of(run_event("COMPLETE", 1, inputs=["a", "b"], outputs=["t"]))
        view = job_view(facts, {}, Anywhere({name("b"): Placement(name("a"))}), lambda ref: ref)
        assert view.reads == {name("a")}
        assert edges(view) == {("a", "t")}

    def test_one_output_under_two_names_is_one_output(self) -> None:
        """A dataset that a run calls by two of its names is not several, so every input feeds it."""
        outputs = [dataset("t", columnLineage=made_of(x="a.x")), dataset("alias")]
        view = shown_as_t(run_event("COMPLETE", 1, inputs=["a", "b"], outputs=outputs))
        assert edges(view) == {("a", "t"), ("b", "t")}

    def test_an_output_that_is_now_called_otherwise_is_still_written(self) -> None:
        """Column lineage that was said under one name holds while the dataset is written under another."""
        view = shown_as_t(OLD, run_event("COMPLETE", 20, run="new", inputs=["a"], outputs=["alias"]))
        assert column_edges(view) == {("a.x", "t.x")}

    def test_names_that_a_view_asks_for(self) -> None:
        """All targets, also those that only a facet names, and all sources, also those of older runs."""
        entry = {"type": "DATASET", "namespace": REDSHIFT, "name": name("stated").name, **explicit("source")}
        stated = run_event("COMPLETE", 20, run="new", inputs=["b"], job_facets={"lineage": {"entries": [entry]}})
        documents = (OLD, stated, run_event("START", 21, run="next", outputs=["t"]))
        facts, texts = facts_of(*documents), folded(documents).contents
        outputs = outputs_of(*documents)
        of_job = Stated(executions_of(facts), in_force(facts, outputs))
        assert targets_of(of_job.executions) == {name("stated"), name("t")}
        found = names_in(of_job, outputs, {ref: sources(texts.get(ref, ref)) for ref in of_job.refs})
        assert found == {name(table) for table in ("stated", "source", "b", "t", "a")}

    @pytest.mark.parametrize(
        ("integration", "namespace", "producer", "expected"),
        [
            ("DBT", REDSHIFT, "", "DBT/Redshift"),
            ("DBT", "awsathena://athena.us-east-1.amazonaws.com", "", "DBT/Athena"),
            ("DBT", "arn:aws:glue:us-east-1:123456789012", "", "DBT/Athena"),
            ("DBT", "duckdb://file", "", "DBT"),
            ("SPARK", REDSHIFT, "", "SPARK"),
            ("", REDSHIFT, "https://example.com/tools/loader/", "loader"),
            ("", REDSHIFT, "", "OpenLineage"),
        ],
    )
    def test_edge_names(self, integration: str, namespace: str, producer: str, expected: str) -> None:
        """The engine with dbt, else the integration, else the producer."""
        kind = {"jobType": {"processingType": "BATCH", "integration": integration}} if integration else {}
        output = {"namespace": namespace, "name": "a.b.c"}
        event = run_event("COMPLETE", 1, outputs=[output], job_facets=kind) | {"producer": producer}
        assert lineage(event).tool == expected

    def test_a_job_of_which_nothing_is_known(self) -> None:
        """It has no edges."""
        view = job_view(JobFacts(), {}, {}, lambda ref: ref)
        assert (view.reads, view.writes, view.edges, view.columns) == (frozenset(), frozenset(), frozenset(), {})


class TestNodes:
    """A dataset as it is shown."""

    def test_aliases(self) -> None:
        """All other names and spellings, but for the hubs of `by_table_name`."""
        spelled, hub = DatasetName(REDSHIFT, "DEV.S.T"), DatasetName(HUB, "t")
        members = {name("t"): NameFacts(spellings=frozenset({spelled})), name("u"): NameFacts(), hub: NameFacts()}
        assert node_view(name("t"), members).aliases == {spelled, name("u")}

    def test_facets_over_all_names(self) -> None:
        """The latest word stays, whether heard or written, and under whichever name."""
        heard = NameFacts(heard=Registers.of({"schema": Register("2 x", "heard"), "tags": Register("1 x", "heard")}))
        written = NameFacts(
            written=Winners.of(
                {
                    "schema": Winner(Carried("3 x", "written", "4", "r"), JOB),
                    "tags": Winner(Carried("0", "w", "9", "r"), JOB),
                }
            )
        )
        found = dataset_facets([heard, written])
        assert {facet: register.ref for facet, register in found.items()} == {"schema": "written", "tags": "heard"}
        assert dataset_facets([heard, NameFacts()])["schema"].ref == "heard", "a job may take back what it wrote"
