"""Refinement of one event: dbt-ol's event of a node, corrected from the manifest, the catalog and the SQL."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Any, NamedTuple

from emitter.dbt.deferral import deferred
from emitter.dbt.project import Project, compiled_sql, dataset_name, kind
from emitter.refine.column_edges import ColumnEdges
from emitter.refine.datasets.event_inputs import EventInputs, without_system_tables
from emitter.refine.datasets.refined_datasets import Dataset, Datasets, renamed
from emitter.refine.datasets.spelled_names import SpelledNames
from emitter.refine.datasets.tested_inputs import TestedInputs
from emitter.refine.datasets.undeclared_tables import Undeclared
from emitter.refine.hooks import Hooks
from emitter.refine.lineage_cache import LineageCache
from emitter.refine.nested_access import at
from emitter.refine.refine_options import RefineOptions
from emitter.refine.schema_resolver import SchemaResolver
from emitter.refine.shared_parts import SharedParts
from emitter.refine.sql.lineage_value import ColumnLineage
from emitter.refine.unknown_lineage import unknown

log = logging.getLogger("emitter")

Event = dict[str, Any]


_RUNNING = 100
"""Number of nodes that are assumed to run at the same time."""


class _Node(NamedTuple):
    """The node of an event.

    Attributes:
        unique_id: Its id.
        namespace: The warehouse's.
        sql: The SQL in the event.
        lineage: The column lineage of its SQL; None if it is off or unknown.
        exposed: True if the event shows the exposures that use each table.
    """

    unique_id: str
    namespace: str
    sql: str | None
    lineage: ColumnLineage | None
    exposed: bool


class Refiner:
    """Refines the events of one project's invocations.

    Refining an event twice changes nothing more.

    Args:
        manifest: dbt's manifest.json of the invocation.
        catalog: dbt's catalog.json, or None.
        options: Settings that can't be derived.

    Attributes:
        problems: The number of dropped or missing parts, by kind.
        project: The manifest's nodes as datasets.
        undeclared: The tables that only SQL names.
    """

    def __init__(
        self,
        manifest: Mapping[str, Any],
        catalog: Mapping[str, Any] | None = None,
        options: RefineOptions | None = None,
    ) -> None:
        options = options or RefineOptions()
        self.problems: Counter[str] = Counter()
        self.project = Project(manifest)
        self.undeclared = Undeclared(self.project)
        self._reads_sql = options.column_lineage and _has_sqlglot()
        dialect = options.dialect or self.project.dialect
        self._schemas = SchemaResolver(self.project, catalog, dialect, LineageCache(options.cache), self.problems)
        self._datasets = Datasets(self.project, self._schemas, options, self.problems, self.lineage)
        self._column_edges = ColumnEdges(self._can_have, self.problems)
        self._inputs, self._edges = SharedParts[Dataset](), SharedParts[dict[str, Any] | None](_RUNNING)
        self._hooks = Hooks(self.project, self._schemas, self._datasets)
        self._begun: dict[str, str] = {}
        # A run of dbt itself has no datasets; its hooks are in the warehouse of its nodes.
        self._namespace: str | None = None
        self._names = SpelledNames(self.project)
        self._tested = TestedInputs(self.project, self._datasets, self._deferred_names)

    def refine(self, event: Mapping[str, Any]) -> Event:
        """Returns the event with corrected inputs, outputs and facets; the argument is not changed.

        An event of a node that is not in this manifest is returned unchanged, but for tables of the engine itself.
        """
        refined = self._refined(self._names.joined(event))
        return self._names.spelled(without_system_tables(refined, self.problems))

    def _refined(self, event: Mapping[str, Any]) -> Event:
        job = at(event, "job", "facets")
        unique_id = at(job, "dbt_node").get("unique_id")
        if not isinstance(unique_id, str):
            return dict(event)
        if kind(unique_id) == "unit_test":
            # A unit test reads rows from the project's files, and no table.
            return {**event, "inputs": [], "outputs": []}
        namespace = _namespace(event)
        if self.project.node(unique_id) is None or namespace is None:
            return dict(event)
        self._namespace = namespace
        if kind(unique_id) == "test" or at(job, "jobType").get("jobType") == "TEST":
            self.problems["phantom_datasets"] += len(event.get("outputs") or [])
            return {**event, "inputs": self._tested.of(event, unique_id, namespace), "outputs": []}
        sql = at(job, "sql").get("query")
        exposed = event.get("eventType") == "COMPLETE"
        return self._refine_table(event, _Node(unique_id, namespace, sql, self.lineage(unique_id, sql), exposed))

    def hooks(self, event: Mapping[str, Any], began: str = "") -> list[Event]:
        """Returns the events of the hooks of a node or of a run of dbt, if it has completed or is declared.

        The same event gives the same events of hooks, with the same run ids.

        Args:
            event: The refined event of the node, or the event of dbt's own run after those of its nodes. A START has no
                hooks, and says when those that come first ran.
            began: When the run began; empty if its START has been passed, or if that is unknown.
        """
        event = self._names.joined(event)
        run_id = at(event, "run").get("runId", "")
        if event.get("eventType") == "START":
            self._begun[run_id] = event["eventTime"]
        began = began or self._begun.get(run_id, "")
        facets = at(event, "job", "facets")
        if not self._reads_sql or self._namespace is None:
            return []
        is_run = at(facets, "jobType").get("jobType") == "JOB"
        found: Iterable[Event] = ()
        if facets.get("dbt_node"):
            found = self._hooks.of_node(event, self._namespace, began)
        elif is_run:
            found = self._hooks.of_run(event, self._namespace, began)
        return [self._names.spelled(without_system_tables(one, self.problems)) for one in found]

    def lineage(self, unique_id: str, sql: str | None = None) -> ColumnLineage | None:
        """Returns the column lineage of a model or snapshot; None if it is off or unknown.

        Args:
            unique_id: The node.
            sql: The SQL that ran, for a manifest without compiled SQL.
        """
        return self._schemas.lineage(unique_id, sql) if self._reads_sql else None

    def dataset(self, unique_id: str, namespace: str, *, exposed: bool = False) -> Dataset | None:
        """Returns a node's dataset with its facets; None if it has no table, as an ephemeral model.

        Args:
            unique_id: The node.
            namespace: The namespace of the warehouse.
            exposed: True to add the facet of the exposures that use it.
        """
        return self._datasets.made(unique_id, namespace, exposed=exposed)

    def report(self) -> list[str]:
        """Returns a sentence for each kind of unknown or undeclared lineage."""
        return [*filter(None, [self.undeclared.report(), *unknown(self._schemas), self._hooks.report()])]

    def save(self) -> None:
        """Writes the cache of column lineage, if one is configured."""
        self._schemas.save()

    def _refine_table(self, event: Mapping[str, Any], node: _Node) -> Event:
        """Returns an event of a node that makes a table, with corrected inputs and outputs."""
        inputs = EventInputs(event.get("inputs") or [], self.project)
        self._add_parents(inputs, node)
        self._add_named_in_sql(inputs, node)
        others: list[Dataset] = []
        for given in inputs.rest():
            others += self._datasets.kept(given)
        return {**event, "inputs": [*inputs.found, *others], "outputs": self._outputs(event, node)}

    def _add_parents(self, inputs: EventInputs, node: _Node) -> None:
        """Adds the tables that feed a node by the manifest, seeds and snapshots among them."""
        deferred_names = self._deferred_names(node.unique_id, node.sql)
        for parent in self.project.parents(node.unique_id):
            name = self.project.table(parent) or ""
            if name in deferred_names:
                self.problems["deferred_inputs"] += inputs.take(name) is not None
                other = deferred_names[name]
                inputs.add(self._datasets.bare(other, node.namespace, inputs.take(other)))
            else:
                given = inputs.take(name) or self._take_phantom(inputs, parent)
                inputs.add(self._table_of(parent, name, given, node))

    def _take_phantom(self, inputs: EventInputs, parent: str) -> Mapping[str, Any] | None:
        """Takes the input that dbt-ol names after a node instead of the node's table."""
        stock = self.project.stock_name(parent)
        return inputs.take(stock) if stock in self.project.phantoms else None

    def _add_named_in_sql(self, inputs: EventInputs, node: _Node) -> None:
        """Adds the tables that a node's SQL names in full, without `ref` or `source`."""
        for name in self.undeclared.of(node.unique_id, node.lineage, without=inputs.names()):
            given, known = inputs.take(name), self.project.tables.get(name)
            if known is None:
                inputs.add(self._datasets.undeclared(name, node.namespace, given))
            else:
                inputs.add(self._table_of(known, name, given, node))

    def _table_of(self, unique_id: str, name: str, given: Mapping[str, Any] | None, node: _Node) -> Dataset | None:
        """Returns the table of a node that feeds another one; None if it has no table.

        Args:
            unique_id: The feeding node.
            name: The name of its table.
            given: The event's input for it, if there is one.
            node: The node of the event.
        """
        if given is None:
            return self._datasets.made(unique_id, node.namespace, exposed=node.exposed)
        # Many nodes read the same table.
        self.lineage(unique_id)
        made_from, key = (given, self._schemas.columns(unique_id)), (unique_id, name, node.exposed)
        return self._inputs.get(
            key, made_from, lambda: self._datasets.corrected(renamed(given, name), unique_id, exposed=node.exposed)
        )

    def _outputs(self, event: Mapping[str, Any], node: _Node) -> list[Dataset]:
        """Returns the outputs of an event, with the columns of the node's own table."""
        outputs: list[Dataset] = []
        for given in event.get("outputs") or []:
            if self.project.fold(given["name"]) == self.project.table(node.unique_id):
                outputs.append(self._own_table(given, node))
            else:
                outputs += self._datasets.kept(given)
        return outputs

    def _own_table(self, given: Mapping[str, Any], node: _Node) -> Dataset:
        """Returns the table that a node makes, with its columns and their origins."""
        named = {**given, "name": self.project.table(node.unique_id)}
        corrected = self._datasets.corrected(named, node.unique_id, exposed=node.exposed)
        dataset = self._datasets.without_stale_statistics(corrected, node.unique_id)
        lineage = node.lineage
        if lineage is not None and self._is_silent(lineage, node.unique_id):
            lineage = None
        facets = dict(dataset["facets"])
        given_edges = facets.pop("columnLineage", None)
        facet = self._edges.get(
            node.unique_id,
            (given_edges, lineage, node.namespace),
            lambda: self._column_edges.facet(given_edges, lineage, node.namespace),
        )
        if facet is not None:
            facets["columnLineage"] = facet
        return {**dataset, "facets": facets}

    def _is_silent(self, lineage: ColumnLineage, unique_id: str) -> bool:
        """Returns True if the SQL reads tables, but none of the node's parents: their names in it are unknown."""
        unknown = any(table is None for _, table in lineage.asked)
        nothing = not (lineage.tables or lineage.undeclared)
        return unknown and nothing and bool(self.project.parents(unique_id))

    def _can_have(self, table: str, column: str) -> bool:
        """Returns True unless a table is not in the project, or is known to lack a column."""
        unique_id = self.project.tables.get(self.project.fold(table))
        if unique_id is None:
            return False
        known = self._schemas.columns(unique_id)
        return not known.complete or self.project.fold(column) in known.names

    def _deferred_names(self, unique_id: str, sql: str | None = None) -> dict[str, str]:
        """Returns the names of a node's inputs in another environment, by their names in the manifest."""
        node = self.project.node(unique_id) or {}
        found = deferred(self.project, unique_id, compiled_sql(node) or sql)
        return {self.project.table(each) or "": self.project.fold(dataset_name(place)) for each, place in found.items()}


def _namespace(event: Mapping[str, Any]) -> str | None:
    datasets: Iterable[Mapping[str, Any]] = [*(event.get("outputs") or []), *(event.get("inputs") or [])]
    return next((dataset["namespace"] for dataset in datasets), None)


def _has_sqlglot() -> bool:
    if find_spec("sqlglot") is not None:
        return True
    log.warning("sqlglot is not installed, so column lineage is that of dbt-ol: pip install sqlglot")
    return False
