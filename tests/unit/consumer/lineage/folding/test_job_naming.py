"""Which job an event is about."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from consumer.lineage.facts.keys import JobName
from emitter.dbt.backfill import Artifacts, events
from emitter.dbt.manifest import Manifest
from emitter.dbt.namespaces import DatasetLocation
from tests.support.events.event_builders import job_event, run_event
from tests.support.graph.graph_of_events import embedded, folded

Json = dict[str, Any]
HOST = "redshift://wg.123456789012.us-east-1.redshift-serverless.amazonaws.com:5439"
NODE = "model.sf_source.stg_account"


def model(project: str | None = None, *, parent: str | None = None, name: str = "m", unique_id: str = NODE) -> Json:
    """A run of a node, by what stock dbt-ol says of the project."""
    facets: Json = {"dbt_run": {"invocation_id": "i", **({"project_name": project} if project else {})}}
    if parent is not None:
        facets["parent"] = {"run": {"runId": "p"}, "job": {"namespace": "dbt", "name": parent}}
    return run_event(
        "COMPLETE",
        1,
        run=f"r-{project}-{parent}",
        job=name,
        job_facets={"dbt_node": {"unique_id": unique_id}},
        run_facets=facets,
    )


def manifest(project: str) -> Json:
    """A project with a package in it, whose one model reads the project's raw table."""
    node = {
        "unique_id": NODE,
        "resource_type": "model",
        "package_name": "sf_source",
        "name": "stg_account",
        "alias": "stg_account",
        "database": "dev",
        "schema": project,
        "path": "stg_account.sql",
        "original_file_path": "models/stg_account.sql",
        "config": {"materialized": "table"},
        "depends_on": {"nodes": ["source.sf_source.sf.account"]},
        "columns": {},
    }
    source = {
        "unique_id": "source.sf_source.sf.account",
        "resource_type": "source",
        "package_name": "sf_source",
        "source_name": "sf",
        "name": "account",
        "identifier": "account",
        "database": "dev",
        "schema": f"{project}_raw",
        "columns": {},
    }
    return {
        "metadata": {
            "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
            "generated_at": "2026-11-20T10:00:00Z",
            "invocation_id": project,
            "project_name": project,
            "adapter_type": "redshift",
        },
        "nodes": {NODE: node},
        "sources": {source["unique_id"]: source},
    }


class TestRootProjects:
    """A node's id is unique within the project that is run."""

    @pytest.mark.parametrize(
        ("event", "expected"),
        [
            (model("sf_source"), NODE),
            (model("fin"), f"fin/{NODE}"),
            (model(parent="dbt-run-fin"), f"fin/{NODE}"),
            (model(parent="dbt-run-fin-prod-tag_daily"), f"fin/{NODE}"),
            (model(parent="dbt-run-sf_source"), NODE),
            (model("fin", parent="dbt-run-other"), f"fin/{NODE}"),
            (model("SF Source"), NODE),
            (model(parent="airflow.task"), NODE),
            (model(), NODE),
        ],
    )
    def test_keys(self, event: Json, expected: str) -> None:
        """What dbt-ol says of the project, in the run's facet or in its parent's name, is before a package's node."""
        assert folded([event]).jobs.keys() == {JobName("dbt", expected)}

    def test_a_declared_job_and_a_run_are_one(self) -> None:
        """A JobEvent has no run; there the emitter's own facet says the project."""
        facets = {"dbt_node": {"unique_id": NODE, "root_project": "fin"}}
        delta = folded([job_event(1, job_facets=facets), model("fin", name="dev.fin.sf_source.stg_account.run")])
        assert delta.jobs.keys() == {JobName("dbt", f"fin/{NODE}")}

    def test_two_projects_with_one_package(self) -> None:
        """Backfilled with all defaults, each project's model keeps its own lineage."""
        place = DatasetLocation(HOST)
        told = [event for name in ("fin", "mkt") for event in events(Artifacts(Manifest(manifest(name))), place)]
        graph = orjson.loads(embedded([told]))
        edges = {(source[1], target[1], job[1]) for source, target, job in graph["dataset_edges"]}
        assert edges == {
            ("dev.fin_raw.account", "dev.fin.stg_account", f"fin/{NODE}"),
            ("dev.mkt_raw.account", "dev.mkt.stg_account", f"mkt/{NODE}"),
        }

    def test_backfill_and_dbt_ol_give_one_key(self) -> None:
        """Events that another tool made of the same project are of the same job."""
        told = list(events(Artifacts(Manifest(manifest("fin"))), DatasetLocation(HOST)))
        jobs = folded([*told, model("fin", name="dev.fin.sf_source.stg_account.build.run")]).jobs
        assert [job.name for job in jobs if NODE in job.name] == [f"fin/{NODE}"]

    def test_a_node_of_another_project_is_a_reference(self) -> None:
        """In a mesh, a public model of another project is in the manifest without a file: it is read, and never run."""
        upstream: Json = {
            "unique_id": "model.core.dim_account",
            "resource_type": "model",
            "package_name": "core",
            "name": "dim_account",
            "alias": "dim_account",
            "database": "dev",
            "schema": "core",
            "path": "",
            "original_file_path": "",
            "config": {"materialized": "view"},
            "depends_on": {"nodes": []},
        }
        document = manifest("fin")
        document["nodes"][upstream["unique_id"]] = upstream
        document["nodes"][NODE]["depends_on"]["nodes"].append(upstream["unique_id"])
        delta = folded(events(Artifacts(Manifest(document)), DatasetLocation(HOST)))
        assert not [job for job in delta.jobs if "dim_account" in job.name]
        declared = [job.declared.execution for job in delta.jobs.values() if job.declared is not None]
        inputs = {name.name for execution in declared for name in execution.inputs}
        assert inputs == {"dev.fin_raw.account", "dev.core.dim_account"}


STATEMENT = {"parent": {"run": {"runId": "p"}, "job": {"namespace": "dbt", "name": "task"}}}


class TestStatements:
    """SQL statements of a node or a task, each told as a job."""

    @pytest.mark.parametrize("name", ["model.shop.revenue.sql.7", "task.query.1", "a.b.c.query.12"])
    @pytest.mark.parametrize("kind", ["START", "COMPLETE", "FAIL"])
    def test_one_without_datasets_is_folded_into_its_parent(self, name: str, kind: str) -> None:
        """It has no job and no run of its own, and is no fault."""
        delta = folded([run_event(kind, 1, job=name, run_facets=STATEMENT)])
        assert (delta.jobs, delta.runs, delta.names, delta.problems) == ({}, {}, {}, [])

    @pytest.mark.parametrize(
        "event",
        [
            run_event("COMPLETE", 1, job="task.query.1", run_facets=STATEMENT, inputs=["a"]),
            run_event("COMPLETE", 1, job="task.query.1", run_facets=STATEMENT, outputs=["a"]),
            run_event("COMPLETE", 1, job="task.query.1"),
            run_event("COMPLETE", 1, job="task.query", run_facets=STATEMENT),
            run_event("COMPLETE", 1, job="task.sql.seven", run_facets=STATEMENT),
            run_event("COMPLETE", 1, job="task.query.1", run="p", run_facets=STATEMENT),
        ],
        ids=["it reads", "it writes", "no parent", "no number", "another name", "its own parent"],
    )
    def test_all_others_are_jobs(self, event: Json) -> None:
        """Lineage of a statement is kept as its own, and so is a job that is only called like one."""
        assert len(folded([event]).jobs) == 1
