"""A dataset of an event with the facets that the manifest, the catalog and the SQL know better than dbt-ol."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from emitter.dbt import node_facets
from emitter.dbt.project import Project
from emitter.refine.datasets import refined_facets
from emitter.refine.datasets.symlinks import other_names, true_names
from emitter.refine.nested_access import at
from emitter.refine.refine_options import RefineOptions
from emitter.refine.schema_resolver import SchemaResolver
from emitter.refine.shared_parts import SharedParts
from emitter.refine.sql.relations import Columns

Dataset = dict[str, Any]


class Datasets:
    """Makes and corrects datasets of one project.

    Args:
        project: the nodes.
        lineages: the columns of each table.
        options: what may not be guessed.
        problems: counts what was dropped.
        prepare: called with a node's id before its columns are asked for, so that its SQL has been read.
    """

    def __init__(
        self,
        project: Project,
        schemas: SchemaResolver,
        options: RefineOptions,
        problems: Counter[str],
        prepare: Callable[[str], object],
    ) -> None:
        self._project = project
        self._schemas = schemas
        self._options = options
        self._problems = problems
        self._prepare = prepare
        self._shown_schemas = SharedParts[dict[str, Any]]()

    def made(self, unique_id: str, namespace: str, *, exposed: bool = False) -> Dataset | None:
        """Returns a node's dataset with its facets; None if it has no table, as an ephemeral model.

        Args:
            unique_id: the node.
            namespace: the warehouse's.
            exposed: True if the facet with the exposures that use it is added.
        """
        name = self._project.table(unique_id)
        if name is None:
            return None
        node = self._project.node(unique_id) or {}
        found: dict[str, Any] = {"dataSource": refined_facets.data_source_facet(namespace)}
        if node.get("description"):
            found["documentation"] = refined_facets.documentation_facet(node["description"])
        return self.corrected({"namespace": namespace, "name": name, "facets": found}, unique_id, exposed=exposed)

    def corrected(self, dataset: Mapping[str, Any], unique_id: str, *, exposed: bool) -> Dataset:
        """Returns a node's dataset with the columns, the other names and the exposures that it has."""
        found = dict(dataset.get("facets") or {})
        self._correct_schema(found, unique_id)
        self._correct_links(found, dataset["namespace"], dataset["name"])
        if exposed:
            found |= self._of_node(found, unique_id)
        return {**dataset, "facets": found}

    def _of_node(self, found: Mapping[str, Any], unique_id: str) -> dict[str, Any]:
        """Returns the facets of a table that dbt-ol does not have, or has in part."""
        node, exposures = self._project.node(unique_id) or {}, self._project.exposures.get(unique_id)
        added: dict[str, Any] = {} if "tags" in found else dict(node_facets.dataset_tags(node))
        if "ownership" not in found:
            added |= node_facets.ownership(node, self._project.groups)
        return {**added, "dbt_exposures": refined_facets.exposures_facet(exposures)} if exposures else added

    def bare(self, name: str, namespace: str, given: Mapping[str, Any] | None = None) -> Dataset:
        """Returns a table that is in no file of the project, with the facets of the event."""
        found = dict((given or {}).get("facets") or {})
        self._correct_links(found, namespace, name)
        return {**(given or {}), "namespace": namespace, "name": name, "facets": found}

    def undeclared(self, name: str, namespace: str, given: Mapping[str, Any] | None = None) -> Dataset:
        """Returns a table that only a node's SQL names, marked as such."""
        found = self.bare(name, namespace, given)
        return {**found, "facets": {**found["facets"], refined_facets.UNDECLARED: refined_facets.undeclared_facet()}}

    def kept(self, dataset: Mapping[str, Any]) -> list[Dataset]:
        """Returns a dataset of an event that is not a node's, or nothing where it can't exist; this is counted."""
        if self._project.fold(dataset["name"]) in self._project.phantoms:
            self._problems["phantom_datasets"] += 1
            return []
        return [dict(dataset)]

    def without_stale_statistics(self, dataset: Dataset, unique_id: str) -> Dataset:
        """Returns an output without an old catalog's row count, which dbt-ol takes before the adapter's answer."""
        stats = at(self._schemas.in_catalog(unique_id), "stats")
        rows = [at(stats, name).get("value") for name in ("num_rows", "row_count", "rows")]
        shown = at(dataset, "outputFacets", "outputStatistics").get("rowCount")
        if not self._schemas.is_stale(unique_id) or shown is None or shown not in [_number(value) for value in rows]:
            return dataset
        self._problems["stale_statistics"] += 1
        kept = {key: facet for key, facet in dataset["outputFacets"].items() if key != "outputStatistics"}
        return {**dataset, "outputFacets": kept}

    def _correct_schema(self, found: dict[str, Any], unique_id: str) -> None:
        """Puts all columns in place of those that happen to be documented, or that an older catalog has."""
        self._prepare(unique_id)
        columns = self._schemas.columns(unique_id)
        stale = "schema" in found and self._schemas.is_stale(unique_id)
        if columns.complete or (stale and columns.names):
            found["schema"] = self._shown_schemas.get(unique_id, (columns,), lambda: self._schema(unique_id, columns))

    def _schema(self, unique_id: str, columns: Columns) -> dict[str, Any]:
        node = self._project.node(unique_id) or {}
        return refined_facets.schema_facet(columns.names, self._schemas.types(unique_id), node.get("columns") or {})

    def _correct_links(self, found: dict[str, Any], namespace: str, name: str) -> None:
        """Adds the other names that follow from the configuration, and drops those that are another table's."""
        configured = other_names(namespace, name, self._options)
        given = [(link["namespace"], link["name"]) for link in at(found, "symlinks").get("identifiers") or []]
        true = true_names(namespace, name, given, self._options)
        if len(true) < len(given):
            self._problems["wrong_symlinks"] += len(given) - len(true)
            found.pop("symlinks")
        if set(configured) - set(given) or (true and len(true) < len(given)):
            found["symlinks"] = refined_facets.symlinks_facet(dict.fromkeys([*true, *configured]))


def renamed(dataset: Mapping[str, Any], name: str) -> Dataset:
    """Returns a dataset under its real name; symlinks that end like the old name end like the new one."""
    old, new = (each.rpartition(".")[2] for each in (dataset["name"].lower(), name.lower()))
    links = at(dataset, "facets", "symlinks")
    if old == new or not links:
        return {**dataset, "name": name}
    corrected = []
    for link in links.get("identifiers") or []:
        stem = link["name"].removesuffix(f"/{old}")
        corrected.append(link if stem == link["name"] else {**link, "name": f"{stem}/{new}"})
    facets_of = {**dataset["facets"], "symlinks": {**links, "identifiers": corrected}}
    return {**dataset, "name": name, "facets": facets_of}


def _number(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None
