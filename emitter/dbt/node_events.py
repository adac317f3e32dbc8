"""From nodes of a dbt project to OpenLineage's jobs, runs and datasets, under the names that dbt-ol 1.54 gives them.

Pure: the same manifest always gives the same dictionaries. A source is named by its `identifier`, which is its
table's name; dbt-ol uses its name in dbt instead.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from emitter.dbt import node_facets as facets
from emitter.dbt.manifest import Manifest, Node, kind_of, pointer_of, table_of
from emitter.dbt.namespaces import ATHENA, DatasetLocation, in_own_catalog
from emitter.dbt.node_facets import PRODUCER, Facets
from emitter.dbt.outcomes.run_results import Result

SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
Event = dict[str, Any]
Dataset = dict[str, Any]
_OWN = uuid.UUID("0f7e6c6e-6d0c-5e0a-9a5b-5a2f8f1f4c11")
_SUFFIXES = {"build": {"model": ".build.run", "snapshot": ".build.snapshot"}}
_OF_POINTERS = frozenset({"dataSource", "documentation", "ownership", "schema"})
_MEBI = 2**20
_KEPT = 250
"""Number of nodes whose parts of events are kept, since the nodes that read them need the same parts."""


@lru_cache(_KEPT)
def run_id(invocation_id: str, unique_id: str) -> str:
    """Returns the run id of one node in one invocation of dbt; deterministic."""
    return str(uuid.uuid5(_OWN, f"{invocation_id}\n{unique_id}"))


@dataclass(frozen=True, slots=True)
class Invocation:
    """One run of dbt.

    Attributes:
        id: dbt's invocation id.
        command: Such as `build`.
        job: Namespace and name of the job that it is a run of.
        full_refresh: True if dbt rebuilds incremental models in full; None if unknown.
        dbt_version: The version of dbt that ran; the manifest's if it is not given, though with `--use-v2-parser` that
            is the parser's.
    """

    id: str
    command: str
    job: tuple[str, str]
    full_refresh: bool | None = None
    dbt_version: str = ""

    @property
    def run_id(self) -> str:
        """Its own run."""
        return run_id(self.id, "")


class EventBuilder:
    """Makes the parts of events of one project. Events share facets and inputs, so nothing may change these.

    Args:
        manifest: The project.
        place: Where its datasets are.
        invocation: The run of dbt.
        catalog: The parsed catalog.json, for columns and sizes.
    """

    def __init__(
        self,
        manifest: Manifest,
        place: DatasetLocation,
        invocation: Invocation,
        catalog: Mapping[str, Any] | None = None,
    ) -> None:
        self._manifest = manifest
        self._place = place
        self._invocation = invocation
        self._catalog = catalog or {}
        self._whole_dataset = lru_cache(_KEPT)(self._make_dataset)
        self._job_facets = lru_cache(_KEPT)(self._make_job_facets)
        self._job_type = lru_cache(facets.job_type)
        self._run_tags = lru_cache(_KEPT)(lambda unique_id: facets.tags(self._manifest.node(unique_id) or {}))

    @property
    def namespace(self) -> str:
        """The namespace of the project's datasets."""
        return self._place.namespace

    def job(self, unique_id: str, kind: str | None = None, suffix: str | None = None) -> Event:
        """Returns the job of a node.

        Args:
            unique_id: The node or source.
            kind: OpenLineage's job type; the node's resource type if it is not given.
            suffix: What follows its name; that of the command if it is not given.
        """
        # The SQL is not known from the start.
        sql = self._manifest.sql(unique_id) if kind is None else None
        made = dict(self._job_facets(unique_id, kind, sql))
        return {"namespace": self._invocation.job[0], "name": self._job_name(unique_id, suffix), "facets": made}

    def _make_job_facets(self, unique_id: str, kind: str | None, sql: str | None) -> Facets:
        node = self._manifest.node(unique_id) or {}
        made = self._job_type(kind or kind_of(unique_id).upper()) | facets.node(node, self._manifest.project)
        return made | (facets.facet("sql", query=sql, dialect=self._manifest.adapter or None) if sql else {})

    def run(self, unique_id: str, more: Facets | None = None) -> Event:
        """Returns the run of a node, a part of the invocation's."""
        own = self._run_tags(unique_id) | self._of_all_runs | (more or {})
        return {"runId": run_id(self._invocation.id, unique_id), "facets": own}

    @cached_property
    def _of_all_runs(self) -> Facets:
        namespace, name = self._invocation.job
        parent = {"run": {"runId": self._invocation.run_id}, "job": {"namespace": namespace, "name": name}}
        return facets.facet("parent", **parent, root=parent) | self.engine()

    def engine(self) -> Facets:
        """Returns the facets of this dbt and this invocation."""
        found = facets.facet(
            "dbt_run",
            invocation_id=self._invocation.id,
            project_name=self._manifest.project,
            dbt_runtime="core",
            full_refresh=self._invocation.full_refresh,
        )
        version = self._invocation.dbt_version or self._manifest.dbt_version
        if version:
            found |= facets.facet("dbt_version", version=version)
            found |= facets.facet("processing_engine", name="dbt", version=version)
        return found

    def inputs(self, unique_id: str, *, bare: bool = False) -> list[Dataset]:
        """Returns the inputs of a node, through ephemeral models; `bare` with the names alone."""
        deferred_names = self._manifest.deferred(unique_id)
        return [
            self._bare(deferred_names[parent]) if parent in deferred_names else self.dataset(parent, bare=bare)
            for parent in self._manifest.parents(unique_id)
        ]

    def tested(self, unique_id: str, test_id: str) -> Dataset:
        """Returns the table that a test of a node is about, with its names alone."""
        return self._bare(self._manifest.deferred(test_id).get(unique_id) or self._manifest.node(unique_id) or {})

    def output(self, unique_id: str, result: Result | None = None) -> Dataset:
        """Returns the table that a node writes, with its size if the engine or the catalog reports it."""
        found = dict(self.dataset(unique_id))
        rows, size = self._size(unique_id, result)
        if rows > 0 or size > 0:
            statistics = facets.facet("outputStatistics", rowCount=max(rows, 0) or None, size=max(size, 0) or None)
            found["outputFacets"] = statistics
        return found

    def outputs(self, unique_id: str, result: Result | None = None) -> list[Dataset]:
        """Returns the outputs of a node: its table, and the view of the latest version if dbt makes one."""
        node = self._manifest.node(unique_id) or {}
        found = [self.output(unique_id, result)]
        if name := pointer_of(node):
            view = self._bare({**node, "alias": name})
            view["facets"] |= {key: facet for key, facet in found[0]["facets"].items() if key in _OF_POINTERS}
            found.append(view)
        return found

    def dataset(self, unique_id: str, *, bare: bool = False) -> Dataset:
        """Returns a node's or source's table, with all that is known of it; `bare` with its names alone."""
        return self._bare(self._manifest.node(unique_id) or {}) if bare else self._whole_dataset(unique_id)

    def _make_dataset(self, unique_id: str) -> Dataset:
        node = self._manifest.node(unique_id) or {}
        made, namespace = self._bare(node), self._place.namespace
        made["facets"] |= facets.facet("dataSource", name=namespace, uri=namespace)
        made["facets"] |= facets.documentation(node) | facets.ownership(node, self._manifest.groups)
        made["facets"] |= facets.model(node) | facets.dataset_tags(node)
        made["facets"] |= facets.schema(node, self._in_catalog(unique_id))
        made["facets"] |= facets.exposed(self._manifest.exposures.get(unique_id, ()))
        return made

    def _bare(self, node: Node) -> Dataset:
        """Returns a table with its names alone; of another environment's table nothing else is known."""
        return {"namespace": self._place.namespace, "name": ".".join(table_of(node)), "facets": self._symlinks(node)}

    def _job_name(self, unique_id: str, suffix: str | None) -> str:
        resource, _, rest = unique_id.partition(".")
        if resource in ("test", "seed"):
            return unique_id
        node = self._manifest.node(unique_id) or {}
        if suffix is None:
            ends = _SUFFIXES.get(self._invocation.command, {"snapshot": ".snapshot"})
            suffix = ends.get(resource, "")
        # dbt-ol removes the prefix `model.`, and no other.
        called = rest if resource in ("model", "snapshot") else unique_id
        return ".".join(part for part in (node.get("database"), node.get("schema"), called) if part) + suffix

    def _symlinks(self, node: Node) -> Facets:
        table = table_of(node)[-1:]
        if self._manifest.adapter != ATHENA or self._place.glue is None or not node.get("schema") or not table:
            return {}
        # Another catalog is another account's Glue or no Glue at all: the same name there is another table.
        if not in_own_catalog(node.get("database")):
            return {}
        name = f"table/{node['schema']}/{table[0]}"
        return facets.facet("symlinks", identifiers=[{"namespace": self._place.glue, "name": name, "type": "TABLE"}])

    def _in_catalog(self, unique_id: str) -> Node | None:
        for part in ("nodes", "sources"):
            if found := (self._catalog.get(part) or {}).get(unique_id):
                return dict(found)
        return None

    def _size(self, unique_id: str, result: Result | None) -> tuple[int, int]:
        """Returns rows and bytes: from the catalog unless it is older than the table, else from the adapter."""
        stats = (self._in_catalog(unique_id) or {}).get("stats") or {}
        asked_at = str((self._catalog.get("metadata") or {}).get("generated_at") or "")
        if result is not None and asked_at < result.ended_at:
            stats = {}
        values = {key: _number(stat.get("value")) for key, stat in stats.items()}
        rows = values.get("num_rows") or values.get("row_count") or values.get("rows") or 0
        size = values.get("num_bytes") or values.get("bytes") or 0
        if self._manifest.adapter == "redshift":
            size = size or values.get("size", 0) * _MEBI
        if result is not None:
            rows, size = rows or result.number("rows_affected"), size or result.number("bytes_processed")
        return rows, size


def run_event(
    state: str,
    time: str,
    run: Event,
    job: Event,
    inputs: list[Dataset] | None = None,
    outputs: list[Dataset] | None = None,
) -> Event:
    """Returns a RunEvent; `time` is RFC 3339."""
    return {
        "eventType": state,
        "eventTime": time,
        "run": run,
        "job": job,
        "inputs": inputs or [],
        "outputs": outputs or [],
        "producer": PRODUCER,
        "schemaURL": f"{SPEC}RunEvent",
    }


def with_pointers(event: Event) -> Event:
    """The event whose further outputs, views that point to the first one, have the lineage of its columns as well."""
    first, *views = event.get("outputs") or [{}]
    lineage = (first.get("facets") or {}).get("columnLineage")
    if not views or lineage is None:
        return event
    views = [{**view, "facets": {"columnLineage": lineage, **view["facets"]}} for view in views]
    return {**event, "outputs": [first, *views]}


def job_event(time: str, job: Event, inputs: list[Dataset], outputs: list[Dataset] | None = None) -> Event:
    """Returns a JobEvent: what a job reads and writes by its definition."""
    return {
        "eventTime": time,
        "job": job,
        "inputs": inputs,
        "outputs": outputs or [],
        "producer": PRODUCER,
        "schemaURL": f"{SPEC}JobEvent",
    }


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0
