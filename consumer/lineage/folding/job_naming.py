"""Which job an event is about.

dbt has several names for one model, and one unique id; that is unique within the project that is run (the root
project), as a package that two projects install has the same ids in both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from consumer.lineage.exposures import Project
from consumer.lineage.facts.keys import JobName, node_key, spelled
from schemas.events import DatasetEvent, Event, Job, RunEvent

TEST = "TEST"
DBT_TEST = "test."
"""How the unique id of a dbt test begins."""

_RUN_OF_A_PROJECT = re.compile(r"dbt-run-(\w+)(?:-.*)?", re.ASCII)
"""dbt-ol's name of a run of dbt; a project's name has no hyphen, what may follow it has."""

_STATEMENT = re.compile(r".+\.(?:sql|query)\.\d+", re.DOTALL)
"""How dbt-ol names the SQL statements of a node, and Airflow those of a task."""


def job_name(job: Job, run_facets: Mapping[str, object], unique_id: object, job_type: object) -> JobName:
    """The job's key.

    It is dbt's unique id where there is one, with the root project before it for a node of another package. The tests
    of a model, to which stock dbt-ol gives the model's id, are a job of their own.

    Args:
        job: The event's job.
        run_facets: The facets of the event's run; empty where it has none.
        unique_id: dbt's id of the node, as the job's facet tells it.
        job_type: The job's type, as its facet tells it.
    """
    if not isinstance(unique_id, str) or not unique_id:
        return JobName(job.namespace, job.name)
    name = f"{unique_id}.test" if job_type == TEST and not unique_id.startswith(DBT_TEST) else unique_id
    return JobName(job.namespace, node_key(name, root_project(job.facets, run_facets)))


def root_project(job_facets: Mapping[str, object], run_facets: Mapping[str, object]) -> str:
    """The dbt project that was run; empty where nothing says it.

    Headwater's events say it with a node of another package; dbt-ol's in the run's own facet, or at least in the name
    of the run of dbt that it is a part of.
    """
    said = _at(job_facets, "dbt_node", "root_project") or _at(run_facets, "dbt_run", "project_name")
    if said:
        return said
    for step in (("parent", "job", "name"), ("parent", "root", "job", "name")):
        if (run := _RUN_OF_A_PROJECT.fullmatch(_at(run_facets, *step))) is not None:
            return run[1]
    return ""


def is_statement(event: Event) -> bool:
    """True if a run is one SQL statement of its parent and names no dataset; the parent's own events say as much."""
    if not isinstance(event, RunEvent) or event.inputs or event.outputs or not _STATEMENT.fullmatch(event.job.name):
        return False
    parent = _at(event.run.facets, "parent", "run", "runId")
    return bool(parent) and parent != event.run.run_id


def project_of(event: Event) -> Project | None:
    """The dbt project whose node an event is of; None of any other event."""
    if isinstance(event, DatasetEvent):
        return None
    unique_id = _at(event.job.facets, "dbt_node", "unique_id")
    if not unique_id:
        return None
    root = root_project(event.job.facets, event.run.facets if isinstance(event, RunEvent) else {})
    return Project(event.job.namespace, spelled(root or "".join(unique_id.split(".")[1:2])))


def names_all_exposures(event: Event) -> bool:
    """True for an event that names all exposures of its project for each of its tables: of a node that has completed.

    That is so for dbt-ol and for Headwater's own events; a test names no exposures.
    """
    if isinstance(event, DatasetEvent) or (isinstance(event, RunEvent) and event.event_type != "COMPLETE"):
        return False
    return _at(event.job.facets, "jobType", "jobType") in {"MODEL", "SEED", "SNAPSHOT"}


def _at(facets: Mapping[str, object], *keys: str) -> str:
    """The text at a path of keys; empty where there is none."""
    found: object = facets
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""
