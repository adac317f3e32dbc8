"""One event refined: what dbt-ol says of a node, corrected by what the manifest and the catalog say."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Any

from emitter.refine import facets
from emitter.refine.assertions import KEY, Assertion, Assertions, found_in
from emitter.refine.cache import LineageCache
from emitter.refine.deferral import deferred
from emitter.refine.lineage import ColumnLineage
from emitter.refine.nodes import Project, compiled_sql, dataset_name, kind
from emitter.refine.options import RefineOptions
from emitter.refine.schemas_of import Lineages
from emitter.refine.symlinks import other_names, true_names

log = logging.getLogger("emitter")

Event = dict[str, Any]
Dataset = dict[str, Any]


class Refiner:
    """Refines the events of one project's invocations.

    Refining an event twice, or once more after it was refined, changes nothing more.

    Args:
        manifest: dbt's manifest.json of the invocation.
        catalog: dbt's catalog.json, or None.
        options: what may not be guessed.

    Attributes:
        problems: how often what was dropped or missing, by a name for it.
        project: the manifest's nodes as datasets.
    """

    def __init__(
        self,
        manifest: Mapping[str, Any],
        catalog: Mapping[str, Any] | None = None,
        options: RefineOptions | None = None,
    ) -> None:
        self._options = options or RefineOptions()
        self.problems: Counter[str] = Counter()
        self.project = Project(manifest)
        dialect = self._options.dialect or self.project.dialect
        self._lineages = Lineages(self.project, catalog, dialect, LineageCache(self._options.cache), self.problems)
        self._assertions = Assertions(self.project)
        self._reads_sql = self._options.column_lineage and self._has_sqlglot()

    def refine(self, event: Mapping[str, Any]) -> Event:
        """Returns the event with the right inputs, outputs and facets; the one given is not changed.

        An event that is of no node of this manifest comes back as it is.
        """
        job = _at(event, "job", "facets")
        unique_id = _at(job, "dbt_node").get("unique_id")
        if not isinstance(unique_id, str):
            return dict(event)
        if kind(unique_id) == "unit_test":
            # It reads rows that are written in the project, and no table.
            return {**event, "inputs": [], "outputs": []}
        namespace = _namespace(event)
        if self.project.node(unique_id) is None or namespace is None:
            return dict(event)
        if kind(unique_id) == "test" or _at(job, "jobType").get("jobType") == "TEST":
            self.problems["phantom_datasets"] += len(event.get("outputs") or [])
            return {**event, "inputs": self._tested(event, unique_id, namespace), "outputs": []}
        return self._written(event, unique_id, namespace)

    def lineage(self, unique_id: str, sql: str | None = None) -> ColumnLineage | None:
        """The column lineage of a model or snapshot; None if it is switched off or can't be told.

        Args:
            unique_id: the node.
            sql: what ran, for a manifest that has no compiled SQL.
        """
        return self._lineages.lineage(unique_id, sql) if self._reads_sql else None

    def dataset(self, unique_id: str, namespace: str, *, exposed: bool = False) -> Dataset | None:
        """A node's dataset with its facets; None if it has no table, as an ephemeral model.

        Args:
            unique_id: the node.
            namespace: the warehouse's.
            exposed: whether the exposures that use it are told.
        """
        name = self.project.table(unique_id)
        if name is None:
            return None
        node = self.project.node(unique_id) or {}
        made: dict[str, Any] = {"dataSource": facets.data_source_facet(namespace)}
        if node.get("description"):
            made["documentation"] = facets.documentation_facet(node["description"])
        return self._corrected({"namespace": namespace, "name": name, "facets": made}, unique_id, exposed=exposed)

    def save(self) -> None:
        """Writes the cache of column lineage, if one is configured."""
        self._lineages.save()

    @staticmethod
    def _has_sqlglot() -> bool:
        if find_spec("sqlglot") is not None:
            return True
        log.warning("sqlglot is not installed, so columns' lineage stays as dbt-ol has it: pip install sqlglot")
        return False

    def _written(self, event: Mapping[str, Any], unique_id: str, namespace: str) -> Event:
        lineage = self.lineage(unique_id, _at(event, "job", "facets", "sql").get("query"))
        exposed = event.get("eventType") == "COMPLETE"
        inputs = self._inputs(event, unique_id, namespace, exposed=exposed)
        table = self.project.table(unique_id)
        outputs = []
        for given in event.get("outputs") or []:
            if self.project.fold(given["name"]) != table:
                outputs += self._kept(given)
            else:
                found = self._corrected({**given, "name": table}, unique_id, exposed=exposed)
                outputs.append(
                    self._with_lineage(self._with_statistics(found, unique_id), lineage, unique_id, namespace)
                )
        return {**event, "inputs": inputs, "outputs": outputs}

    def _inputs(self, event: Mapping[str, Any], unique_id: str, namespace: str, *, exposed: bool) -> list[Dataset]:
        """The tables that feed a node, with what the event tells of each; seeds and snapshots are among them."""
        given = {self.project.fold(found["name"]): found for found in event.get("inputs") or []}
        inputs: list[Dataset] = []
        elsewhere = self._elsewhere(unique_id, _at(event, "job", "facets", "sql").get("query"))
        for parent in self.project.parents(unique_id):
            name, stock = self.project.table(parent), self.project.stock_name(parent)
            if (other := elsewhere.get(name or "")) is not None:
                self.problems["deferred_inputs"] += given.pop(name or "", None) is not None
                inputs.append(self._bare(other, namespace, given.pop(other, None)))
                continue
            found = given.pop(name or "", None) or (given.pop(stock, None) if stock in self.project.phantoms else None)
            if found is not None:
                inputs.append(self._corrected(_renamed(found, name or ""), parent, exposed=exposed))
            elif (made := self.dataset(parent, namespace, exposed=exposed)) is not None:
                inputs.append(made)
        return [*inputs, *(kept for other in given.values() for kept in self._kept(other))]

    def _elsewhere(self, unique_id: str, sql: str | None = None) -> dict[str, str]:
        """By the manifest's name of a table the name under which a node reads it in another environment."""
        node = self.project.node(unique_id) or {}
        found = deferred(self.project, unique_id, compiled_sql(node) or sql)
        return {self.project.table(each) or "": self.project.fold(dataset_name(place)) for each, place in found.items()}

    def _bare(self, name: str, namespace: str, given: Mapping[str, Any] | None = None) -> Dataset:
        """A table of another environment, of which the project's files tell the names alone."""
        found = dict((given or {}).get("facets") or {})
        self._correct_links(found, namespace, name)
        return {**(given or {}), "namespace": namespace, "name": name, "facets": found}

    def _kept(self, dataset: Mapping[str, Any]) -> list[Dataset]:
        """A dataset that is none of the node's own: dropped where it can't exist."""
        if self.project.fold(dataset["name"]) in self.project.phantoms:
            self.problems["phantom_datasets"] += 1
            return []
        return [dict(dataset)]

    def _tested(self, event: Mapping[str, Any], unique_id: str, namespace: str) -> list[Dataset]:
        """The inputs of a test: the dataset that it is about with its results, and what else it reads."""
        test = unique_id if kind(unique_id) == "test" else None
        placed: dict[str, list[Assertion]] = {}
        inputs: dict[str, Dataset] = {}
        elsewhere = self._elsewhere(test) if test else {}
        for given in event.get("inputs") or []:
            name = self._real_name(given["name"], unique_id)
            places = set()
            for assertion in found_in(given):
                place, told = self._assertions.place(assertion, test, name)
                places.add(place)
                if place is not None:
                    placed.setdefault(place, []).append(told)
            if name in elsewhere:
                inputs[elsewhere[name]] = self._bare(elsewhere[name], namespace)
            elif not places or name in places or not places.isdisjoint({None, *self.project.tables}):
                for kept in self._kept(_renamed(given, name)):
                    inputs[name] = self._plain(kept)
        for name, assertions in placed.items():
            if name not in inputs and (made := self._found(name, namespace)) is not None:
                inputs[name] = made
            if name in inputs:
                shown = self._assertions.show(_invocation(event), name, assertions)
                inputs[name] = _with_assertions(inputs[name], shown)
        return list(inputs.values())

    def _found(self, name: str, namespace: str) -> Dataset | None:
        about = self.project.tables.get(name)
        return self.dataset(about, namespace) if about else self._bare(name, namespace)

    def _real_name(self, name: str, unique_id: str) -> str:
        folded = self.project.fold(name)
        for parent in (unique_id, *self.project.above(unique_id)):
            if folded in self.project.phantoms and folded == self.project.stock_name(parent):
                return self.project.table(parent) or folded
        return folded

    def _plain(self, dataset: Dataset) -> Dataset:
        """A tested dataset without its results, which are put where they belong."""
        kept = {
            place: {key: facet for key, facet in dataset[place].items() if key != KEY}
            for place in ("facets", "inputFacets")
            if dataset.get(place)
        }
        unique_id = self.project.tables.get(dataset["name"])
        plain = {**dataset, **kept}
        return plain if unique_id is None else self._corrected(plain, unique_id, exposed=False)

    def _corrected(self, dataset: Mapping[str, Any], unique_id: str, *, exposed: bool) -> Dataset:
        """A node's dataset with the columns, the other names and the exposures that it has."""
        found = dict(dataset.get("facets") or {})
        self._correct_schema(found, unique_id)
        self._correct_links(found, dataset["namespace"], dataset["name"])
        if exposed and "dbt_exposures" not in found and (exposures := self.project.exposures.get(unique_id)):
            found["dbt_exposures"] = facets.exposures_facet(exposures)
        return {**dataset, "facets": found}

    def _correct_links(self, found: dict[str, Any], namespace: str, name: str) -> None:
        names = other_names(namespace, name, self._options)
        told = [(link["namespace"], link["name"]) for link in _at(found, "symlinks").get("identifiers") or []]
        true = true_names(namespace, name, told, self._options)
        if len(true) < len(told):
            self.problems["wrong_symlinks"] += len(told) - len(true)
            found.pop("symlinks")
        if set(names) - set(told) or (true and len(true) < len(told)):
            found["symlinks"] = facets.symlinks_facet(dict.fromkeys([*true, *names]))

    def _correct_schema(self, found: dict[str, Any], unique_id: str) -> None:
        """Puts all columns in place of those that happen to be documented, or that an older catalog tells of."""
        self.lineage(unique_id)
        columns = self._lineages.columns(unique_id)
        stale = "schema" in found and self._lineages.is_stale(unique_id)
        if columns.complete or (stale and columns.names):
            node = self.project.node(unique_id) or {}
            types = self._lineages.types(unique_id)
            found["schema"] = facets.schema_facet(columns.names, types, node.get("columns") or {})

    def _with_statistics(self, dataset: Dataset, unique_id: str) -> Dataset:
        """An output without statistics that are a stale catalog's: dbt-ol takes those before the adapter's answer."""
        told = _at(self._lineages.in_catalog(unique_id), "stats")
        rows = [_at(told, name).get("value") for name in ("num_rows", "row_count", "rows")]
        shown = _at(dataset, "outputFacets", "outputStatistics").get("rowCount")
        if not self._lineages.is_stale(unique_id) or shown is None or shown not in [_number(value) for value in rows]:
            return dataset
        self.problems["stale_statistics"] += 1
        kept = {key: facet for key, facet in dataset["outputFacets"].items() if key != "outputStatistics"}
        return {**dataset, "outputFacets": kept}

    def _with_lineage(self, dataset: Dataset, lineage: ColumnLineage | None, unique_id: str, namespace: str) -> Dataset:
        found = dict(dataset["facets"])
        if lineage is not None and self._tells_nothing(lineage, unique_id):
            found.pop("columnLineage", None)
        elif lineage is not None:
            # Without fields it says that there is none, where an earlier run's would otherwise stay in force.
            found["columnLineage"] = facets.column_lineage_facet(lineage, namespace)
        elif "columnLineage" in found and (kept := self._real_fields(found.pop("columnLineage"))) is not None:
            found["columnLineage"] = kept
        return {**dataset, "facets": found}

    def _tells_nothing(self, lineage: ColumnLineage, unique_id: str) -> bool:
        """Whether the SQL reads tables, but none of the node's parents: they go by names that are not known."""
        unknown = any(table is None for _, table in lineage.asked)
        return unknown and not lineage.tables and bool(self.project.parents(unique_id))

    def _real_fields(self, facet: Mapping[str, Any]) -> dict[str, Any] | None:
        """dbt-ol's column lineage without the names of CTEs, which it takes for tables."""
        fields = {}
        for name, field in (facet.get("fields") or {}).items():
            inputs = field.get("inputFields") or []
            real = [each for each in inputs if self.project.fold(each["name"]) in self.project.tables]
            self.problems["phantom_columns"] += len(inputs) - len(real)
            if real:
                fields[name] = {**field, "inputFields": real}
        return {**facet, "fields": fields} if fields else None


def _at(value: Any, *path: str) -> Mapping[str, Any]:
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _namespace(event: Mapping[str, Any]) -> str | None:
    datasets: Iterable[Mapping[str, Any]] = [*(event.get("outputs") or []), *(event.get("inputs") or [])]
    return next((dataset["namespace"] for dataset in datasets), None)


def _invocation(event: Mapping[str, Any]) -> str:
    run = _at(event, "run", "facets")
    return str(_at(run, "dbt_run").get("invocation_id") or _at(run, "parent", "run").get("runId") or "")


def _renamed(dataset: Mapping[str, Any], name: str) -> Dataset:
    """A dataset under its real name; its other names end like the old one and are mended with it."""
    old, new = (each.rpartition(".")[2] for each in (dataset["name"].lower(), name.lower()))
    links = _at(dataset, "facets", "symlinks")
    if old == new or not links:
        return {**dataset, "name": name}
    mended = [
        {**link, "name": link["name"].removesuffix(f"/{old}") + f"/{new}"} if link["name"].endswith(f"/{old}") else link
        for link in links.get("identifiers") or []
    ]
    return {**dataset, "name": name, "facets": {**dataset["facets"], "symlinks": {**links, "identifiers": mended}}}


def _with_assertions(dataset: Dataset, assertions: list[Assertion]) -> Dataset:
    # The specification has it among the input's facets; dbt-ol has it among the dataset's too, for older readers.
    facet = facets.assertions_facet(assertions)
    places = {place: {**(dataset.get(place) or {}), KEY: facet} for place in ("facets", "inputFacets")}
    return {**dataset, **places}


def _number(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None
