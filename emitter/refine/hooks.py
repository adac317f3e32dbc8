"""Events of dbt's hooks: the tables that a hook reads and writes, if its SQL is plain.

A hook is a job of its own, and its run a child of the node's run or of dbt's run. So the lineage of the node itself
stays that of its model. SQL is plain if its Jinja only names tables, and if it names them in full. A hook that is not
plain has no events; it is counted.
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from emitter.dbt import node_facets
from emitter.dbt.project import PRE_AND_POST, Project, compiled_sql, kind
from emitter.dbt.raw_sql import render_hook
from emitter.refine.datasets import refined_facets
from emitter.refine.datasets.refined_datasets import Dataset, Datasets
from emitter.refine.nested_access import at
from emitter.refine.schema_resolver import SchemaResolver
from emitter.refine.sql.sql_not_understood import SqlNotUnderstood
from schemas.counted import counted

if TYPE_CHECKING:
    from emitter.refine.sql.statements.written_tables import TableWritten

Event = dict[str, Any]

JOB_TYPE = "HOOK"
_ON_RUN = ("on-run-start", "on-run-end")
_FIRST = frozenset({"on-run-start", "pre-hook"})
"""The hooks that run before what they belong to."""
_WITH_HOOKS = frozenset({"model", "seed", "snapshot"})
_OF_RUN = ("dbt_run", "dbt_version", "processing_engine")
_SHOWN = 3
# The most frequent hooks, so that sqlglot, which takes long to load, is not needed for them alone.
_MOVES_NOTHING = re.compile(r"(?:\s*(?:analyze|comment|grant|revoke|vacuum)\s[^;]*(?:;|$))*\s*", re.IGNORECASE)


class _Hook(NamedTuple):
    """A hook.

    Attributes:
        id: Its unique id: dbt's for a hook of a run, derived from the node's otherwise.
        name: What follows the name of its parent's job, such as `post-hook.1`.
        sql: Its SQL in the project.
        owner: The unique id of its node; None for a hook of a run.
        compiled: The SQL that ran, if the manifest has it.
    """

    id: str
    name: str
    sql: str
    owner: str | None
    compiled: str | None = None


class Hooks:
    """Reads the hooks of one project.

    Args:
        project: The nodes.
        schemas: The columns of each table.
        datasets: Makes datasets.
    """

    def __init__(self, project: Project, schemas: SchemaResolver, datasets: Datasets) -> None:
        self._project = project
        self._schemas = schemas
        self._datasets = datasets
        self._read: dict[_Hook, list[TableWritten]] = {}
        self._unknown: dict[str, str] = {}

    def of_node(self, event: Mapping[str, Any], namespace: str, began: str = "") -> Iterator[Event]:
        """Yields the events of a node's hooks, if the node has completed or is declared.

        Args:
            event: The node's event.
            namespace: The namespace of the warehouse.
            began: When the node's run began; empty if that is unknown.
        """
        unique_id = at(event, "job", "facets", "dbt_node").get("unique_id")
        if not _counts(event) or not isinstance(unique_id, str) or kind(unique_id) not in _WITH_HOOKS:
            return
        # dbt-ol gives the tests of a model the model's id.
        if at(event, "job", "facets", "jobType").get("jobType") != "TEST":
            for hook in _hooks_of(unique_id, self._project.node(unique_id) or {}):
                yield from self._events(hook, _of_its_time(event, hook, began), namespace)

    def of_run(self, event: Mapping[str, Any], namespace: str, began: str = "") -> Iterator[Event]:
        """Yields the events of the hooks of a run of dbt, if it has completed or is declared.

        Args:
            event: The run's event; without a `run`, a declaration of its job.
            namespace: The namespace of the warehouse.
            began: When the run began; empty if that is unknown.
        """
        if not _counts(event):
            return
        for unique_id, node in self._project.operations.items():
            name = self._name_on_run(unique_id, node)
            if name:
                sql = str(node.get("raw_code") or node.get("raw_sql") or "")
                hook = _Hook(unique_id, name, sql, None, compiled_sql(node))
                yield from self._events(hook, _of_its_time(event, hook, began), namespace)

    def report(self) -> str:
        """Returns one sentence about the hooks whose lineage is unknown; "" if there are none."""
        count = len(self._unknown)
        if not count:
            return ""
        shown = ", ".join(list(self._unknown)[:_SHOWN]) + (f", and {count - _SHOWN} more" if count > _SHOWN else "")
        return f"the lineage of {counted(count, 'hook')} is unknown ({shown}): {next(iter(self._unknown.values()))}"

    def _name_on_run(self, unique_id: str, node: Mapping[str, Any]) -> str:
        """Returns the name of a hook of a run, with the package's if it is not the root project's; "" for others.

        dbt numbers them from 0 within a package, in their unique ids alone.
        """
        package = str(node.get("package_name") or unique_id.split(".")[1])
        for name in _ON_RUN:
            _, found, number = unique_id.rpartition(f"-{name}-")
            if found and number.isdecimal():
                own = package == self._project.name or not self._project.name
                return f"{'' if own else package + '.'}{name}.{int(number) + 1}"
        return ""

    def _events(self, hook: _Hook, event: Mapping[str, Any], namespace: str) -> Iterator[Event]:
        if hook not in self._read:
            self._read[hook] = self._written(hook)
        tables = self._read[hook]
        for number, table in enumerate(tables, 1):
            more = "" if len(tables) == 1 else f".{number}"
            part = hook._replace(id=f"{hook.id}{more}", name=f"{hook.name}{more}")
            yield self._event(part, table, event, namespace)

    def _written(self, hook: _Hook) -> "list[TableWritten]":
        sql = hook.compiled or render_hook(self._project, hook.owner or hook.id, hook.sql)
        if sql is None:
            if hook.sql.strip():
                self._unknown[hook.id] = "its Jinja does more than name tables; a model instead of the hook has lineage"
            return []
        if _MOVES_NOTHING.fullmatch(sql):
            return []
        try:
            return self._schemas.hook(sql, hook.owner)
        except SqlNotUnderstood as error:
            self._unknown[hook.id] = str(error)
            return []

    def _event(self, hook: _Hook, table: "TableWritten", event: Mapping[str, Any], namespace: str) -> Event:
        name = f"{event['job']['name']}.{hook.name}"
        facets = {
            **node_facets.job_type(JOB_TYPE),
            **self._identity(hook, event),
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
        return found if "run" not in event else {**found, "eventType": "COMPLETE", "run": _run(hook.name, event)}

    def _identity(self, hook: _Hook, event: Mapping[str, Any]) -> node_facets.Facets:
        """Returns the facet that makes it one job whatever dbt's command, which the job's name contains."""
        node = self._project.node(hook.owner or hook.id) or {}
        kept = {key: node.get(key) for key in ("original_file_path", "package_name") if node.get(key)}
        root = at(event, "job", "facets", "dbt_node").get("root_project") or self._project.name
        return node_facets.node({**kept, "unique_id": hook.id}, root)

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


def _counts(event: Mapping[str, Any]) -> bool:
    """Returns True for the end of a completed run, and for a declaration."""
    return bool(event.get("eventType", "COMPLETE") == "COMPLETE")


def _of_its_time(event: Mapping[str, Any], hook: _Hook, began: str) -> Mapping[str, Any]:
    """Returns the event with the time of a hook that comes first: it must not be later than what reads its table."""
    is_first = hook.name.rpartition(".")[0].rpartition(".")[2] in _FIRST
    return {**event, "eventTime": began} if began and is_first else event


def _hooks_of(unique_id: str, node: Mapping[str, Any]) -> Iterator[_Hook]:
    config = node.get("config") or {}
    for name, other in PRE_AND_POST:
        found = config.get(name) or config.get(other) or ()
        for number, hook in enumerate(found if isinstance(found, list | tuple) else (found,), 1):
            sql = hook.get("sql") if isinstance(hook, Mapping) else hook
            yield _Hook(f"{unique_id}.{name}.{number}", f"{name}.{number}", str(sql or ""), unique_id)


def _run(name: str, event: Mapping[str, Any]) -> Event:
    """Returns the run of a hook: a child of the node's run, or of dbt's; the same id each time."""
    run, job = event["run"], event["job"]
    part_of = {"run": {"runId": run["runId"]}, "job": {"namespace": job["namespace"], "name": job["name"]}}
    above = at(run, "facets", "parent")
    root = above.get("root") or ({key: above[key] for key in ("run", "job")} if above else part_of)
    facets = {key: facet for key, facet in (run.get("facets") or {}).items() if key in _OF_RUN}
    parent = node_facets.facet("parent", **part_of, root=root)
    return {"runId": str(uuid.uuid5(uuid.UUID(run["runId"]), name)), "facets": {**facets, **parent}}


def _file(place: str) -> Dataset:
    """Returns a location in an object store as a dataset, by OpenLineage's naming rules."""
    parts = urlsplit(place)
    return {"namespace": f"{parts.scheme}://{parts.netloc}", "name": parts.path.strip("/") or "/", "facets": {}}
