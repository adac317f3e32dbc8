"""Events for what hooks of dbt read and write, where their SQL is plain.

A hook is a job of its own, named after the node or the run that it is of, so that a node's own lineage stays what its
model says. Plain is SQL whose Jinja does no more than to name tables, and that names them in full. Of any other hook
nothing is told; it is counted.
"""

import uuid
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from emitter.dbt import node_facets
from emitter.dbt.project import Project, compiled_sql, kind
from emitter.dbt.raw_sql import render_hook
from emitter.refine import refined_facets
from emitter.refine.nested_access import at
from emitter.refine.refined_datasets import Dataset, Datasets
from emitter.refine.schema_resolver import SchemaResolver
from emitter.refine.sql.sql_not_understood import SqlNotUnderstood

if TYPE_CHECKING:
    from emitter.refine.sql.written_tables import TableWritten

Event = dict[str, Any]

_KINDS = (("pre-hook", "pre_hook"), ("post-hook", "post_hook"))
_ON_RUN = ("on-run-start", "on-run-end")
_OF_RUN = ("dbt_run", "dbt_version", "processing_engine")
_SHOWN = 3


class _Hook(NamedTuple):
    """A hook.

    Attributes:
        name: what it is called after the name of its node's job, such as `post-hook.1`.
        sql: its SQL as the project has it.
        owner: the node that it is of; None for one of the run.
        compiled: its SQL as it ran, where the manifest has that.
    """

    name: str
    sql: str
    owner: str | None
    compiled: str | None = None


class Hooks:
    """Reads the hooks of one project.

    Args:
        project: the nodes.
        schemas: the columns of each table.
        datasets: makes datasets.
    """

    def __init__(self, project: Project, schemas: SchemaResolver, datasets: Datasets) -> None:
        self._project = project
        self._schemas = schemas
        self._datasets = datasets
        self._read: dict[_Hook, list[TableWritten]] = {}
        self._unknown: dict[str, str] = {}

    def of_node(self, event: Mapping[str, Any], namespace: str) -> Iterator[Event]:
        """Yields the events of the hooks of a node that has completed, or that is declared.

        Args:
            event: the node's.
            namespace: the warehouse's.
        """
        unique_id = at(event, "job", "facets", "dbt_node").get("unique_id")
        if event.get("eventType", "COMPLETE") != "COMPLETE" or not isinstance(unique_id, str):
            return
        node = self._project.node(unique_id) or {}
        if (
            kind(unique_id) not in {"model", "seed", "snapshot"}
            or at(event, "job", "facets", "jobType").get("jobType") == "TEST"
        ):
            return
        for hook in _hooks_of(unique_id, node):
            yield from self._events(hook, event, namespace)

    def of_run(self, event: Mapping[str, Any], namespace: str) -> Iterator[Event]:
        """Yields the events of the hooks of a run of dbt that has completed, or that is declared.

        Args:
            event: the run's; without a `run`, one that only says what its job is.
            namespace: the warehouse's.
        """
        if event.get("eventType", "COMPLETE") == "COMPLETE":
            for unique_id, node in sorted(self._project.operations.items()):
                name = next((each for each in _ON_RUN if f"-{each}-" in unique_id), None)
                if name is not None:
                    sql = str(node.get("raw_code") or node.get("raw_sql") or "")
                    hook = _Hook(f"{name}.{node.get('index') or 1}", sql, None, compiled_sql(node))
                    yield from self._events(hook, event, namespace)

    def report(self) -> str:
        """Returns one sentence about the hooks whose lineage is not known; "" if there are none."""
        count = len(self._unknown)
        if not count:
            return ""
        hooks = "1 hook" if count == 1 else f"{count} hooks"
        shown = ", ".join(list(self._unknown)[:_SHOWN]) + (f", and {count - _SHOWN} more" if count > _SHOWN else "")
        return f"what {hooks} may read and write is not known ({shown}): {next(iter(self._unknown.values()))}"

    def _events(self, hook: _Hook, event: Mapping[str, Any], namespace: str) -> Iterator[Event]:
        if hook not in self._read:
            self._read[hook] = self._written(hook, str(event["job"]["name"]))
        tables = self._read[hook]
        for number, table in enumerate(tables, 1):
            name = hook.name if len(tables) == 1 else f"{hook.name}.{number}"
            yield self._event(f"{event['job']['name']}.{name}", hook, table, event, namespace)

    def _written(self, hook: _Hook, job: str) -> "list[TableWritten]":
        sql = hook.compiled or render_hook(self._project, hook.owner, hook.sql)
        if sql is None:
            if hook.sql.strip():
                self._unknown[f"{job}.{hook.name}"] = "its Jinja does more than to name tables"
            return []
        try:
            return self._schemas.hook(sql, hook.owner)
        except SqlNotUnderstood as error:
            self._unknown[f"{job}.{hook.name}"] = str(error)
            return []

    def _event(self, name: str, hook: _Hook, table: "TableWritten", event: Mapping[str, Any], namespace: str) -> Event:
        facets = {
            **node_facets.job_type("HOOK"),
            **node_facets.facet("sql", query=hook.compiled or hook.sql, dialect=self._project.adapter or None),
        }
        found = {
            "eventTime": event["eventTime"],
            "producer": event["producer"],
            "schemaURL": event["schemaURL"],
            "job": {"namespace": event["job"]["namespace"], "name": name, "facets": facets},
            "inputs": [*(self._dataset(each, namespace) for each in table.sources), *map(_file, table.files)],
            "outputs": [self._output(table, namespace)],
        }
        return found if "run" not in event else {**found, "eventType": "COMPLETE", "run": _run(name, event)}

    def _dataset(self, name: str, namespace: str) -> Dataset:
        if "://" in name:
            return _file(name)
        unique_id = self._project.tables.get(name)
        made = self._datasets.made(unique_id, namespace) if unique_id is not None else None
        return made if made is not None else self._datasets.undeclared(name, namespace)

    def _output(self, table: "TableWritten", namespace: str) -> Dataset:
        dataset = self._dataset(table.name, namespace)
        lineage = refined_facets.column_lineage_facet(table.lineage, namespace)
        return {**dataset, "facets": {**dataset["facets"], "columnLineage": lineage}}


def _hooks_of(unique_id: str, node: Mapping[str, Any]) -> Iterator[_Hook]:
    config = node.get("config") or {}
    for name, other in _KINDS:
        for number, hook in enumerate(config.get(name) or config.get(other) or (), 1):
            sql = hook.get("sql") if isinstance(hook, Mapping) else hook
            yield _Hook(f"{name}.{number}", str(sql or ""), unique_id)


def _run(name: str, event: Mapping[str, Any]) -> Event:
    """The run of a hook, a part of the node's run, or of dbt's."""
    run, job = event["run"], event["job"]
    part_of = {"run": {"runId": run["runId"]}, "job": {"namespace": job["namespace"], "name": job["name"]}}
    root = at(run, "facets", "parent").get("root") or part_of
    facets = {key: facet for key, facet in (run.get("facets") or {}).items() if key in _OF_RUN}
    parent = node_facets.facet("parent", **part_of, root=root)
    return {"runId": str(uuid.uuid5(uuid.UUID(run["runId"]), name)), "facets": {**facets, **parent}}


def _file(place: str) -> Dataset:
    """A place in an object store as a dataset, by OpenLineage's naming rules."""
    parts = urlsplit(place)
    return {"namespace": f"{parts.scheme}://{parts.netloc}", "name": parts.path.strip("/") or "/", "facets": {}}
