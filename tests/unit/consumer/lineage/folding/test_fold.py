"""From an event to facts."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.lineage.column_types import ALL_TYPED, TYPED
from consumer.lineage.facts.delta import Delta, NameFacts, Problem
from consumer.lineage.facts.facet_values import facet_value
from consumer.lineage.facts.keys import JobName, OutputKey, RunKey
from consumer.lineage.facts.output_facets import COLUMN_LINEAGE, LINEAGE
from consumer.lineage.facts.registers import EMPTY, as_json
from consumer.lineage.facts.run_facts import RunFacts
from consumer.lineage.identity import IdentityRules
from schemas.naming import DatasetName
from tests.support.events.event_builders import (
    JOB,
    REDSHIFT,
    Json,
    at,
    columns,
    dataset,
    dataset_event,
    job_event,
    made_of,
    name,
    run_event,
)
from tests.support.graph.graph_of_events import folded, sample

ATHENA = "awsathena://athena.us-east-1.amazonaws.com"
GLUE = "arn:aws:glue:us-east-1:123456789012"
DBT_OL = "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/integration/dbt"
MODEL = {"jobType": {"processingType": "BATCH", "integration": "DBT", "jobType": "MODEL"}}
TEST = {"jobType": {"processingType": "BATCH", "integration": "DBT", "jobType": "TEST"}}


def node(unique_id: str) -> Json:
    """The facet by which dbt's jobs are known."""
    return {"dbt_node": {"unique_id": unique_id}}


def athena(table: str, **facets: object) -> Json:
    """A table of Athena, as dbt-ol spells it."""
    return {"namespace": ATHENA, "name": f"AwsDataCatalog.db.{table}", "facets": facets}


def symlink(namespace: str, name: str) -> Json:
    """A symlinks facet."""
    return {"identifiers": [{"namespace": namespace, "name": name, "type": "TABLE"}]}


def run_of(*documents: Json) -> RunFacts:
    """The facts of the run `r1`."""
    return folded(documents).runs[RunKey(JOB, "r1")]


class TestJobs:
    """What a job is known by."""

    def test_three_names_of_one_model(self) -> None:
        """`run`, `build` and structured logs name a model differently; its unique id is its key, the names are kept."""
        names = ("dev.s.titles.p.titles.run", "dev.s.titles.p.titles.build.run", "dev.s.titles.p.titles.snapshot")
        facets = {**MODEL, **node("model.p.titles")}
        jobs = folded(run_event("START", 1, job=said, job_facets=facets) for said in names).jobs
        assert jobs.keys() == {JobName("dbt", "model.p.titles")}
        assert jobs[JobName("dbt", "model.p.titles")].names == set(names)

    @pytest.mark.parametrize(
        ("facets", "expected"),
        [
            ({**TEST, **node("model.p.titles")}, "model.p.titles.test"),
            ({**TEST, **node("test.p.not_null.1a2b")}, "test.p.not_null.1a2b"),
            ({**MODEL, **node("")}, "j"),
            ({"dbt_node": {"unique_id": ["no", "text"]}}, "j"),
            ({"dbt_node": {"_deleted": True}}, "j"),
            (MODEL, "j"),
        ],
        ids=["tests of a model", "a test of its own", "no id", "a bad facet", "a deleted facet", "not of dbt"],
    )
    def test_keys(self, facets: Json, expected: str) -> None:
        """Tests that carry a model's id are not the model; without a usable id the name is the key."""
        assert folded([run_event("START", 1, job_facets=facets)]).jobs.keys() == {JobName("dbt", expected)}

    def test_a_dbt_test_writes_nothing(self) -> None:
        """The audit table that structured logs name as its output is no lineage; what it reads is."""
        event = run_event("COMPLETE", 1, inputs=["titles"], outputs=["audit"], job_facets=TEST)
        delta = folded([event])
        assert run_of(event).inputs == {name("titles")}
        assert run_of(event).outputs == frozenset()
        assert name("audit") not in delta.names

    def test_recorded_runs_have_the_same_jobs(self) -> None:
        """A project's models are the same jobs whether its events come from the wrapper or from structured logs."""

        def models(file: str) -> set[JobName]:
            jobs = folded(sample(file)).jobs
            return {
                job for job, facts in jobs.items() if facet_value(facts.facets, "jobType").get("jobType") == "MODEL"
            }

        assert len(models("events_athena")) == 7
        assert models("events_athena") == models("events_athena_structlogs")


class TestDatasets:
    """What events say of datasets, and under which name."""

    def test_all_that_is_named_is_known(self) -> None:
        """Inputs, outputs, symlinks, and sources of a column lineage each have a name in the graph."""
        output = dataset("t", columnLineage=made_of(x="far.x"), symlinks=symlink(GLUE, "table/db/t"))
        found = folded([run_event("START", 1, inputs=["a"], outputs=[output]), dataset_event(1, dataset("d"))]).names
        assert found.keys() == {name("a"), name("t"), name("far"), name("d"), DatasetName(GLUE, "table/db/t")}

    def test_spellings(self) -> None:
        """A name is known in its canonical form; how the event spells it is kept."""
        found = folded([run_event("START", 1, inputs=[athena("T"), athena("t")])]).names
        spelled = {DatasetName(ATHENA, f"AwsDataCatalog.db.{table}") for table in "tT"}
        said = NameFacts(spellings=frozenset(spelled), said=True, read=True, used=True)
        assert found == {DatasetName(ATHENA, "awsdatacatalog.db.t"): said}

    @pytest.mark.parametrize(
        ("catalog", "producer", "is_linked"),
        [
            ("AwsDataCatalog", DBT_OL, True),
            ("partner", DBT_OL, False),
            ("partner", "https://example.com/copier", True),
            ("s3tablescatalog/lake", DBT_OL, False),
            ("s3tablescatalog/lake", "https://example.com/copier", False),
        ],
    )
    def test_glue_names_of_other_catalogs_tables(self, catalog: str, producer: str, *, is_linked: bool) -> None:
        """dbt-ol gives a table of any Athena catalog the Glue name of the own catalog's table that is called so."""
        table = {**athena("t", symlinks=symlink(GLUE, "table/db/t")), "name": f"{catalog}.db.t"}
        for event in (run_event("START", 1, inputs=[table]), dataset_event(1, table)):
            delta = folded([{**event, "producer": producer}])
            assert (DatasetName(GLUE, "table/db/t") in delta.names) is is_linked
            assert len(delta.problems) == (not is_linked)

    def test_symlinks_are_a_register_of_the_name_that_has_them(self) -> None:
        """A newer facet replaces the older one as a whole; either name remembers that there was a link."""
        one, first, second = (
            DatasetName(ATHENA, "awsdatacatalog.db.t"),
            *(DatasetName(GLUE, f"table/db/{table}") for table in ("t", "t_archive")),
        )
        said = [
            run_event("START", 1, inputs=[athena("t", symlinks=symlink(GLUE, "table/db/T"))]),
            run_event("START", 2, inputs=[athena("t", symlinks=symlink(GLUE, "table/db/t_archive/"))]),
        ]
        for order in (said, said[::-1]):
            found = folded(order).names
            links = found[one].links
            assert links is not None
            assert links.ref == as_json([second])
            assert links.stamp.startswith(at(2))
            assert found[one].linked_with == {first, second}
            assert found[first].linked_with == found[second].linked_with == {one}
            assert found[first].links is None, "a link is of the name whose facet it is"

    @pytest.mark.parametrize(
        "facet",
        [{"_deleted": True}, {"identifiers": []}, symlink(ATHENA, "AwsDataCatalog.DB.t")],
        ids=["deleted", "empty", "only itself"],
    )
    def test_links_that_are_taken_back(self, facet: Json) -> None:
        """A facet without another name says that there is none any more."""
        (found,) = folded([run_event("START", 2, inputs=[athena("t", symlinks=facet)])]).names.values()
        assert found.links is not None
        assert found.links.ref == EMPTY
        assert found.linked_with == frozenset()

    def test_no_facet_is_no_word_about_links(self) -> None:
        """Most events of a dataset do not repeat its links; a facet that can't be read says nothing, too."""
        for facets in ({}, {"symlinks": 7}):
            (found,) = folded([run_event("START", 2, inputs=[athena("t", **facets)])]).names.values()
            assert found.links is None

    def test_rules_link_names_beyond_those_in_the_event(self) -> None:
        """A rule may start from a symlink's name, and one rule's name may lead to the next."""
        rules = IdentityRules.of([[f"{REDSHIFT}/dev.s", f"{GLUE}/db"], ["redshift://wg.us-east-1:5439", REDSHIFT]])
        found = folded([run_event("START", 1, inputs=[athena("t", symlinks=symlink(GLUE, "table/db/t"))])], rules).names
        first, last = DatasetName(GLUE, "table/db/t"), DatasetName("redshift://wg.us-east-1:5439", "dev.s.t")
        assert found[name("t")].same == {first, last}
        assert found[first].same == found[last].same == {name("t")}, "links of the configuration are mutual"
        assert [one for one, facts in found.items() if not facts.said] == [name("t"), last]
        assert not any(found[one].used or found[one].spellings for one in (name("t"), last)), "no event says these"

    def test_facets_of_inputs_count_at_once(self) -> None:
        """An input's and a DatasetEvent's facets are heard; an output's wait with the run."""
        said = [dataset("a", schema=columns("x"))]
        found = folded([run_event("START", 1, inputs=said, outputs=[dataset("t", schema=columns("y"))])])
        assert found.names[name("a")].heard["schema"].stamp.startswith(at(1))
        assert found.names[name("t")].heard == {}
        assert found.runs[RunKey(JOB, "r1")].carried[name("t")].keys() == {"schema", TYPED, ALL_TYPED}
        alone = folded([dataset_event(1, said[0])]).names
        assert list(alone) == [name("a")]
        assert alone[name("a")].heard == found.names[name("a")].heard

    def test_a_deleted_facet_is_an_empty_value(self) -> None:
        """`_deleted` is a word with a time, too."""
        found = folded([run_event("START", 1, inputs=[dataset("a", schema={"_deleted": True})])])
        assert found.names[name("a")].heard["schema"].ref == EMPTY


class TestLineageFacets:
    """Column lineage and explicit lineage."""

    def test_names_that_are_no_tables_are_left_out(self) -> None:
        """A CTE that a parser did not resolve is left out and told of; other engines' names are all taken."""
        fields = [
            {"namespace": REDSHIFT, "name": "cte", "field": "x"},
            {"namespace": "s3://b", "name": "p", "field": "x"},
        ]
        found = folded(
            [run_event("START", 1, outputs=[dataset("t", columnLineage={"fields": {"x": {"inputFields": fields}}})])]
        )
        assert found.names.keys() == {name("t"), DatasetName("s3://b", "p")}
        assert found.problems == [Problem("$.outputs[0].facets.columnLineage", "not names of tables, left out: cte")]

    @pytest.mark.parametrize(
        ("named", "spelled"),
        [({"name": ""}, "''"), ({"name": " "}, " "), ({"namespace": ""}, "db.s.t"), ({"namespace": " "}, "db.s.t")],
    )
    def test_a_source_without_a_name_costs_no_other(self, named: dict[str, str], spelled: str) -> None:
        """A location without a path has an empty name; the other sources of the output's columns count."""
        good = {"namespace": "pg://h:5432", "name": "db.s.t", "field": "a"}
        facet = {"fields": {"x": {"inputFields": [good, {**good, **named}]}, "y": {"inputFields": [good]}}}
        output = dataset("db.s.o", columnLineage=facet)
        found = folded([run_event("COMPLETE", 1, outputs=[output])])
        assert DatasetName("pg://h:5432", "db.s.t") in found.names
        reason = f"not names of tables, left out: {spelled}"
        assert found.problems == [Problem("$.outputs[0].facets.columnLineage", reason)]

    def test_explicit_lineage_of_a_job_is_told_by_target(self) -> None:
        """Each target dataset has its own; it goes before what the output says; targets that are jobs are left out."""
        source = {"type": "DATASET", "namespace": REDSHIFT, "name": "dev.s.a"}
        entries = [
            {"type": "DATASET", "namespace": REDSHIFT, "name": "dev.s.t", "inputs": [source]},
            {"type": "DATASET", "namespace": REDSHIFT, "name": "DEV.S.U", "inputs": [source]},
            {"type": "DATASET", "namespace": REDSHIFT, "name": "alias", "inputs": [source]},
            {"type": "JOB", "inputs": [source]},
        ]
        output = dataset("t", lineage={"inputs": [{**source, "name": "dev.s.b"}]})
        delta = folded([run_event("START", 1, outputs=[output], job_facets={"lineage": {"entries": entries}})])
        carried = delta.runs[RunKey(JOB, "r1")].carried
        assert carried.keys() == {name("t"), name("u")}
        assert len({facets[LINEAGE] for facets in carried.values()}) == 1, "both say the same, and so does the stamp"
        assert name("b") not in delta.names, "what was replaced names nothing"


class TestBadParts:
    """One bad facet costs that facet."""

    @pytest.mark.parametrize(
        ("event", "path"),
        [
            (
                run_event("START", 1, inputs=["a", dataset("b", schema={"fields": "x"})]),
                "$.inputs[1].facets.schema.fields",
            ),
            (run_event("START", 1, outputs=[dataset("b", symlinks=7)]), "$.outputs[0].facets.symlinks"),
            (run_event("START", 1, run_facets={"parent": {}}), "$.run.facets.parent.run"),
            (run_event("START", 1, job_facets={"lineage": {"entries": 7}}), "$.job.facets.lineage.entries"),
            (run_event("START", 1, job_facets={"dbt_node": []}), "$.job.facets.dbt_node"),
            (dataset_event(1, dataset("b", schema=[])), "$.dataset.facets.schema"),
        ],
    )
    def test_it_is_told_and_left_out(self, event: Any, path: str) -> None:
        """The fault is told once, with its place, and everything else is folded."""
        found = folded([event])
        assert [problem.path for problem in found.problems] == [path]
        assert name("b") in found.names or RunKey(JOB, "r1") in found.runs
        assert found == _with_problems(folded([_without_fault(event, path)]), found.problems)

    def test_unknown_facets_are_no_problem(self) -> None:
        """What the graph does not keep is passed over in silence."""
        found = folded([run_event("START", 1, inputs=[dataset("a", mine={"x": 1})], run_facets={"mine": 7})])
        assert found.problems == []


def _without_fault(event: Json, path: str) -> Json:
    """The event without the facet that a fault is in."""
    key = path.partition(".facets.")[2].partition(".")[0]

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: clean(item) for name, item in value.items() if name != key}
        return [clean(item) for item in value] if isinstance(value, list) else value

    return {
        **event,
        **{part: clean(event[part]) for part in ("job", "run", "inputs", "outputs", "dataset") if part in event},
    }


def _with_problems(delta: Delta, problems: list[Problem]) -> Delta:
    delta.problems.extend(problems)
    return delta


class TestJobEvents:
    """Lineage that is declared."""

    def test_it_stands_for_a_completed_run(self) -> None:
        """It counts at its time, under an id that follows from what it says."""
        event = job_event(5, inputs=["a"], outputs=[dataset("t", schema=columns("x"), columnLineage=made_of(x="a.x"))])
        delta = folded([event])
        declared = delta.jobs[JOB].declared
        other = folded([job_event(5, inputs=["b"])]).jobs[JOB].declared
        assert declared is not None
        assert other is not None
        assert declared.execution.time == at(5)
        assert declared.execution.inputs == {name("a")}
        assert declared.execution.outputs == {name("t")}
        assert [one.facet for one in declared.execution.lineage] == [COLUMN_LINEAGE]
        carried = delta.declared[OutputKey(JOB, name("t"))]
        assert carried.keys() == {"schema", TYPED, ALL_TYPED, COLUMN_LINEAGE}
        assert {(one.ended_at, one.run) for one in carried.values()} == {(at(5), declared.execution.id)}
        assert declared.execution.id != other.execution.id
        assert folded([event, event]).jobs == delta.jobs

    def test_its_sql_says_which_code_it_describes(self) -> None:
        """A run of the same SQL goes before it."""
        said = [folded([job_event(5, inputs=["a"], job_facets=facets)]).jobs[JOB].declared for facets in (SQL, {})]
        assert [bool(declared and declared.code) for declared in said] == [True, False]

    def test_one_about_the_job_alone_declares_nothing(self) -> None:
        """What it says of the job counts."""
        found = folded([job_event(5, job_facets=MODEL)]).jobs[JOB]
        assert found.declared is None
        assert "jobType" in found.facets


SQL = {"sql": {"query": "select 1"}}


class TestRuns:
    """What of an event decides how its run counts."""

    def test_its_sql_and_a_failed_extractor(self) -> None:
        """Both are kept with the run, as long as they were not taken back."""
        failed = {"extractionError": {"totalTasks": 1, "failedTasks": 1}}
        facets = run_of(run_event("START", 1, job_facets=SQL, run_facets=failed)).facets
        assert facets["sql"].ref == as_json(SQL["sql"])
        assert facets["extractionError"].ref == "true"
        gone = {"extractionError": {"_deleted": True}}
        assert run_of(run_event("START", 1, run_facets=gone)).facets["extractionError"].ref == EMPTY
        assert run_of(run_event("START", 1)).facets == {}

    def test_a_failed_extractor_of_a_large_event(self) -> None:
        """However large the event is, and however it is laid out."""
        failed = {"extractionError": {"totalTasks": 1, "failedTasks": 1}}
        long = {"sql": {"query": f"select {'1, ' * 100_000} 1"}}
        for facets in (SQL, long):
            found = run_of(run_event("START", 1, job_facets=facets, run_facets=failed)).facets
            assert found["extractionError"].ref == "true"

    def test_an_event_of_a_streaming_job_is_a_snapshot(self) -> None:
        """The newest event that does not end the run stays; one without datasets is none."""
        streaming = {"jobType": {"processingType": "STREAMING", "integration": "FLINK"}}

        def said(kind: str, second: int, *inputs: str) -> Json:
            return run_event(kind, second, inputs=inputs, job_facets=streaming)

        snapshot = run_of(
            said("RUNNING", 2, "b"), said("START", 1, "a"), said("FAIL", 3, "c"), said("OTHER", 4)
        ).snapshot
        assert snapshot is not None
        assert (snapshot.time, snapshot.inputs) == (at(2), frozenset({name("b")}))
        only_end = run_of(said("FAIL", 3, "c")).snapshot
        assert only_end is not None
        assert only_end.inputs == {name("c")}
        assert run_of(said("START", 4)).snapshot is None
        assert run_of(run_event("START", 1, inputs=["a"], job_facets=MODEL)).snapshot is None


def test_an_input_that_is_only_an_alias_is_left_out() -> None:
    """A bare word where tables have a database and a schema is no dataset; it is told of, and the rest counts."""
    alias = {"namespace": REDSHIFT, "name": "d", "facets": {}}
    delta = folded([run_event("COMPLETE", 1, inputs=["a", alias], outputs=["b"])])
    (run,) = delta.runs.values()
    assert run.inputs == {name("a")}, "an alias became a dataset"
    assert [problem.path for problem in delta.problems] == ["$.inputs[1].name"], "nobody is told of the alias"
