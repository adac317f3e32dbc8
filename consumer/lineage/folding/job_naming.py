"""Identification of the job of an event.

dbt has several names for one model, and one unique id; that is unique within the project that is run (the root
project), as a package that two projects install has the same ids in both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from consumer.lineage.exposures import Project
from consumer.lineage.facts.keys import JobName, node_key, spelled
from schemas.events import Body, Job

TEST = "TEST"
DBT_TEST = "test."
"""Prefix of the unique id of a dbt test."""

_RUN_OF_A_PROJECT = re.compile(r"dbt-run-(\w+)(?:-.*)?", re.ASCII)
"""dbt-ol's name of a run of dbt; a project's name has no hyphen, what may follow it has."""

_STATEMENT = re.compile(r".+\.(?:sql|query)\.\d+", re.DOTALL)
"""Names that dbt-ol gives to the SQL statements of a node, and Airflow to those of a task."""


def job_name(job: Job, run_project: str, unique_id: object, job_type: object) -> JobName:
    """Returns the job's key.

    It is dbt's unique id where there is one, with the root project before it for a node of another package. The tests
    of a model, to which stock dbt-ol gives the model's id, are a job of their own.

    Args:
        job: The event's job.
        run_project: The dbt project that was run, by `project_of_run`; empty where it is not known.
        unique_id: dbt's id of the node, as the job's facet gives it.
        job_type: The job's type, as its facet gives it.
    """
    if not isinstance(unique_id, str) or not unique_id:
        return JobName(job.namespace, job.name)
    name = f"{unique_id}.test" if job_type == TEST and not unique_id.startswith(DBT_TEST) else unique_id
    return JobName(job.namespace, node_key(name, _root_project(job, run_project)))


def _root_project(job: Job, run_project: str) -> str:
    # Headwater's events give the root project with a node of another package.
    return _at(job.facets, "dbt_node", "root_project") or run_project


def project_of_run(run_facets: Mapping[str, object]) -> str:
    """Returns the dbt project that was run, by the facets of a run of a node; empty where nothing gives it.

    dbt-ol's events have it in a facet of its own, or at least in the name of the run of dbt that is the parent.
    """
    named = _at(run_facets, "dbt_run", "project_name")
    if named:
        return named
    for step in (("parent", "job", "name"), ("parent", "root", "job", "name")):
        if (run := _RUN_OF_A_PROJECT.fullmatch(_at(run_facets, *step))) is not None:
            return run[1]
    return ""


def may_be_sql_statement(body: Body) -> bool:
    """True if a body names no dataset, and a job as dbt-ol and Airflow name the SQL statements of another job."""
    return not body.inputs and not body.outputs and _STATEMENT.fullmatch(body.job.name) is not None


def parent_run_id(run_facets: Mapping[str, object]) -> str:
    """Returns the id of the run that started another one; empty where there is none."""
    return _at(run_facets, "parent", "run", "runId")


def project_of(job: Job, run_project: str) -> Project | None:
    """Returns the dbt project whose node a job is; None of any other job. The arguments are those of `job_name`."""
    unique_id = _at(job.facets, "dbt_node", "unique_id")
    if not unique_id:
        return None
    root = _root_project(job, run_project)
    return Project(job.namespace, spelled(root or "".join(unique_id.split(".")[1:2])))


def names_all_exposures(job: Job) -> bool:
    """True for a job whose node names all exposures of its project for each of its tables once it has completed.

    That is so for dbt-ol and for Headwater's own events; a test names no exposures.
    """
    return _at(job.facets, "jobType", "jobType") in {"MODEL", "SEED", "SNAPSHOT"}


def _at(facets: Mapping[str, object], *keys: str) -> str:
    """Returns the text at a path of keys; empty where there is none."""
    found: object = facets
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""
