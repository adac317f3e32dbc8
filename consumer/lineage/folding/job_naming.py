"""Which job an event is about.

dbt has several names for one model, and one unique id; that is unique within the project that is run (the root
project), as a package that two projects install has the same ids in both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from consumer.lineage.facts.keys import JobName
from schemas.events import Event, Job, RunEvent

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
    root = root_project(job.facets, run_facets)
    package = unique_id.split(".")[1:2]
    is_own = not root or not package or _spelled(root) == _spelled(package[0])
    return JobName(job.namespace, name if is_own else f"{root}/{name}")


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


def _spelled(project: str) -> str:
    """A project's name as one of dbt's: in dbt Cloud it may have spaces and capitals."""
    return re.sub(r"\W+", "_", project.strip()).lower()


def _at(facets: Mapping[str, object], *keys: str) -> str:
    """The text at a path of keys; empty where there is none."""
    found: object = facets
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""
