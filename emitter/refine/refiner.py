"""One event refined: what dbt-ol says of a node, corrected by what the manifest, the catalog and the SQL say."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Any

from emitter.dbt.deferral import deferred
from emitter.dbt.project import Project, compiled_sql, dataset_name, kind
from emitter.refine.column_edges import ColumnEdges
from emitter.refine.lineage_cache import LineageCache
from emitter.refine.nested_access import at
from emitter.refine.refine_options import RefineOptions
from emitter.refine.refined_datasets import Dataset, Datasets, renamed
from emitter.refine.schema_resolver import Lineages
from emitter.refine.sql.lineage_value import ColumnLineage
from emitter.refine.tested_inputs import TestedInputs
from emitter.refine.undeclared_tables import Undeclared
from emitter.refine.unknown_lineage import unknown

log = logging.getLogger("emitter")

Event = dict[str, Any]


class Refiner:
    """Refines the events of one project's invocations.

    Refining an event twice changes nothing more.

    Args:
        manifest: dbt's manifest.json of the invocation.
        catalog: dbt's catalog.json, or None.
        options: what may not be guessed.

    Attributes:
        problems: how often what was dropped or missing, by a name for it.
        project: the manifest's nodes as datasets.
        undeclared: the tables that were found in SQL alone.
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
        self._lineages = Lineages(self.project, catalog, dialect, LineageCache(options.cache), self.problems)
        self._datasets = Datasets(self.project, self._lineages, options, self.problems, self.lineage)
        self._column_edges = ColumnEdges(self._can_have, self.problems)
        self._tested = TestedInputs(self.project, self._datasets, self._elsewhere)

    def refine(self, event: Mapping[str, Any]) -> Event:
        """Returns the event with the right inputs, outputs and facets; the one given is not changed.

        An event that is of no node of this manifest comes back as it is.
        """
        job = at(event, "job", "facets")
        unique_id = at(job, "dbt_node").get("unique_id")
        if not isinstance(unique_id, str):
            return dict(event)
        if kind(unique_id) == "unit_test":
            # It reads rows that are written in the project, and no table.
            return {**event, "inputs": [], "outputs": []}
        namespace = _namespace(event)
        if self.project.node(unique_id) is None or namespace is None:
            return dict(event)
        if kind(unique_id) == "test" or at(job, "jobType").get("jobType") == "TEST":
            self.problems["phantom_datasets"] += len(event.get("outputs") or [])
            return {**event, "inputs": self._tested.of(event, unique_id, namespace), "outputs": []}
        return self._of_table(event, unique_id, namespace)

    def lineage(self, unique_id: str, sql: str | None = None) -> ColumnLineage | None:
        """Returns the column lineage of a model or snapshot; None if it is switched off or can't be told.

        Args:
            unique_id: the node.
            sql: what ran, for a manifest that has no compiled SQL.
        """
        return self._lineages.lineage(unique_id, sql) if self._reads_sql else None

    def dataset(self, unique_id: str, namespace: str, *, exposed: bool = False) -> Dataset | None:
        """Returns a node's dataset with its facets; None if it has no table, as an ephemeral model.

        Args:
            unique_id: the node.
            namespace: the warehouse's.
            exposed: True if the facet with the exposures that use it is added.
        """
        return self._datasets.made(unique_id, namespace, exposed=exposed)

    def report(self) -> list[str]:
        """Returns a sentence for each kind of lineage that is not known, or that dbt does not know of."""
        return [*filter(None, [self.undeclared.report(), *unknown(self._lineages)])]

    def save(self) -> None:
        """Writes the cache of column lineage, if one is configured."""
        self._lineages.save()

    def _of_table(self, event: Mapping[str, Any], unique_id: str, namespace: str) -> Event:
        """Refines an event of a node that makes a table."""
        sql = at(event, "job", "facets", "sql").get("query")
        lineage = self.lineage(unique_id, sql)
        exposed = event.get("eventType") == "COMPLETE"
        inputs = _Inputs(event.get("inputs") or [], self.project)
        self._add_parents(inputs, unique_id, namespace, sql, exposed=exposed)
        self._add_named_in_sql(inputs, unique_id, namespace, lineage, exposed=exposed)
        others = [kept for given in inputs.rest() for kept in self._datasets.kept(given)]
        outputs: list[Dataset] = []
        for given in event.get("outputs") or []:
            if self.project.fold(given["name"]) == self.project.table(unique_id):
                outputs.append(self._output(given, unique_id, lineage, namespace, exposed=exposed))
            else:
                outputs += self._datasets.kept(given)
        return {**event, "inputs": [*inputs.found, *others], "outputs": outputs}

    def _add_parents(
        self, inputs: "_Inputs", unique_id: str, namespace: str, sql: str | None, *, exposed: bool
    ) -> None:
        """Adds the tables that feed a node by the manifest; seeds and snapshots are among them."""
        elsewhere = self._elsewhere(unique_id, sql)
        for parent in self.project.parents(unique_id):
            name, stock = self.project.table(parent) or "", self.project.stock_name(parent)
            if (other := elsewhere.get(name)) is not None:
                self.problems["deferred_inputs"] += inputs.take(name) is not None
                inputs.found.append(self._datasets.bare(other, namespace, inputs.take(other)))
                continue
            given = inputs.take(name) or (inputs.take(stock or "") if stock in self.project.phantoms else None)
            if given is not None:
                inputs.found.append(self._datasets.corrected(renamed(given, name), parent, exposed=exposed))
            elif (made := self._datasets.made(parent, namespace, exposed=exposed)) is not None:
                inputs.found.append(made)

    def _add_named_in_sql(
        self, inputs: "_Inputs", unique_id: str, namespace: str, lineage: ColumnLineage | None, *, exposed: bool
    ) -> None:
        """Adds the tables that a node's SQL names in full, without `ref` or `source`."""
        for name in self.undeclared.of(unique_id, lineage, without=inputs.names()):
            given, known = inputs.take(name), self.project.tables.get(name)
            if known is None:
                inputs.found.append(self._datasets.undeclared(name, namespace, given))
            elif given is not None:
                inputs.found.append(self._datasets.corrected(renamed(given, name), known, exposed=exposed))
            elif (made := self._datasets.made(known, namespace, exposed=exposed)) is not None:
                inputs.found.append(made)

    def _output(
        self,
        given: Mapping[str, Any],
        unique_id: str,
        lineage: ColumnLineage | None,
        namespace: str,
        *,
        exposed: bool,
    ) -> Dataset:
        """Returns the table that a node makes, with its columns and where they come from."""
        corrected = self._datasets.corrected(
            {**given, "name": self.project.table(unique_id)}, unique_id, exposed=exposed
        )
        dataset = self._datasets.without_stale_statistics(corrected, unique_id)
        if lineage is not None and self._is_silent(lineage, unique_id):
            lineage = None
        before = dataset["facets"].get("columnLineage")
        facet = self._column_edges.facet(before, lineage, namespace)
        kept = {key: value for key, value in dataset["facets"].items() if key != "columnLineage"}
        return {**dataset, "facets": kept if facet is None else {**kept, "columnLineage": facet}}

    def _is_silent(self, lineage: ColumnLineage, unique_id: str) -> bool:
        """Returns True if the SQL reads tables, but none of the node's parents: it calls them by unknown names."""
        unknown = any(table is None for _, table in lineage.asked)
        nothing = not (lineage.tables or lineage.undeclared)
        return unknown and nothing and bool(self.project.parents(unique_id))

    def _can_have(self, table: str, column: str) -> bool:
        """Returns True if a table is one of the project, and is not known to lack a column."""
        unique_id = self.project.tables.get(self.project.fold(table))
        if unique_id is None:
            return False
        known = self._lineages.columns(unique_id)
        return not known.complete or self.project.fold(column) in known.names

    def _elsewhere(self, unique_id: str, sql: str | None = None) -> dict[str, str]:
        """Returns by the manifest's name of a table the name under which a node reads it in another environment."""
        node = self.project.node(unique_id) or {}
        found = deferred(self.project, unique_id, compiled_sql(node) or sql)
        return {self.project.table(each) or "": self.project.fold(dataset_name(place)) for each, place in found.items()}


class _Inputs:
    """The inputs of an event, taken one by one by name, and those that were found so far."""

    def __init__(self, given: Iterable[Mapping[str, Any]], project: Project) -> None:
        self._given = {project.fold(dataset["name"]): dataset for dataset in given}
        self.found: list[Dataset] = []

    def take(self, name: str) -> Mapping[str, Any] | None:
        """Returns the event's input of a name, and takes it out of the rest."""
        return self._given.pop(name, None)

    def names(self) -> frozenset[str]:
        """Returns the names of the inputs that were found."""
        return frozenset(dataset["name"] for dataset in self.found)

    def rest(self) -> list[Mapping[str, Any]]:
        """Returns the inputs that nobody has taken."""
        return list(self._given.values())


def _namespace(event: Mapping[str, Any]) -> str | None:
    datasets: Iterable[Mapping[str, Any]] = [*(event.get("outputs") or []), *(event.get("inputs") or [])]
    return next((dataset["namespace"] for dataset in datasets), None)


def _has_sqlglot() -> bool:
    if find_spec("sqlglot") is not None:
        return True
    log.warning("sqlglot is not installed, so columns' lineage stays as dbt-ol has it: pip install sqlglot")
    return False
