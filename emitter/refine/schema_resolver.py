"""The columns of every table of a project and the lineage of every model, upstream first.

Without a catalog, a model's columns are those that its SQL returns, given its parents' columns; so a `select *` of a
`select *` is known as soon as the sources are.
"""

import logging
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from emitter.dbt.deferral import deferred
from emitter.dbt.project import Node, Project, compiled_sql, dataset_name, kind
from emitter.dbt.raw_sql import render
from emitter.refine.lineage_cache import LineageCache, key_of
from emitter.refine.shared_parts import SharedParts
from emitter.refine.snapshot_columns import with_history
from emitter.refine.sql.lineage_value import ColumnLineage, fingerprint, known_columns
from emitter.refine.sql.relations import Columns, Tables
from emitter.refine.sql.sql_not_understood import SqlNotUnderstood

if TYPE_CHECKING:
    from emitter.refine.sql.statements.written_tables import TableWritten

log = logging.getLogger("emitter")

_KEPT = 500
"""Number of nodes whose lineage is kept. That of others is in the cache, and rarely needed again."""


class SchemaResolver:
    """Computes on demand, and once for each node.

    Args:
        project: the nodes.
        catalog: dbt's catalog.json, or None.
        dialect: sqlglot's name of it.
        cache: what earlier runs computed.
        problems: counts what was dropped.

    Attributes:
        unread: why a node's SQL can't be read, by the node's id.
        unresolved: The names in a node's SQL that can't be resolved, by the node's id.
    """

    def __init__(
        self,
        project: Project,
        catalog: Mapping[str, Any] | None,
        dialect: str,
        cache: LineageCache,
        problems: Counter[str],
    ) -> None:
        self._project = project
        self._dialect = dialect
        self._cache = cache
        self._problems = problems
        self._catalog = {**((catalog or {}).get("nodes") or {}), **((catalog or {}).get("sources") or {})}
        written = str(((catalog or {}).get("metadata") or {}).get("generated_at") or "")
        # dbt writes the catalog after the manifest of one invocation; an older one describes an earlier run's tables.
        self.stale = bool(self._catalog) and written < project.generated_at
        self._declared = {table: self._declare(unique_id) for table, unique_id in project.tables.items()}
        self._tables = Tables(self._declared, _only_database(project))
        self._columns: dict[str, Columns] = {}
        self._states = SharedParts[str]()
        self._lineages: OrderedDict[str, ColumnLineage | None] = OrderedDict()
        self._given: dict[str, str] = {}
        self._texts: dict[str, str | None] = {}
        self._rendered: dict[str, str | None] = {}
        self.unread: dict[str, str] = {}
        self.unresolved: dict[str, tuple[str, ...]] = {}

    def lineage(self, unique_id: str, sql: str | None = None) -> ColumnLineage | None:
        """Returns the column lineage of a model or snapshot; None if there is no SQL of it or it can't be read.

        Args:
            unique_id: the node.
            sql: what ran, for a manifest that has no compiled SQL.
        """
        if sql:
            self._given.setdefault(unique_id, sql)
        text = self._sql(unique_id)
        if unique_id not in self._texts or self._texts[unique_id] != text:
            # While dbt runs, a node's compiled SQL is there only once the node was reached.
            self._columns.pop(unique_id, None)
            self._texts.pop(unique_id, None)
            for each in self._project.upstream(unique_id, self._texts):
                self._keep(each, self._sql(each))
        elif unique_id in self.unread:
            return None
        elif unique_id not in self._lineages:
            self._keep(unique_id, text)
        return self._lineages[unique_id]

    def _keep(self, unique_id: str, text: str | None) -> None:
        """Computes the lineage of a node. Of nodes that were computed long ago, only the columns are kept."""
        self.unread.pop(unique_id, None)
        lineage = self._compute(unique_id, text)
        if unique_id not in self._texts:
            self._texts[unique_id] = text
            self._note_problems(unique_id, lineage)
        self._lineages[unique_id] = lineage
        if self._project.table(unique_id):
            self.columns(unique_id)
        if len(self._lineages) > _KEPT:
            self._lineages.popitem(last=False)

    def hook(self, sql: str, owner: str | None = None) -> "list[TableWritten]":
        """Returns the tables that the SQL of a hook writes.

        Args:
            sql: The statements, without Jinja.
            owner: The unique id of the hook's node, which has been refined; None for a hook of a run.

        Raises:
            SqlNotUnderstood: If the tables that a statement writes are uncertain.
        """
        from emitter.refine.sql.statements.written_tables import tables_written  # noqa: PLC0415 # as in _read

        own = {table: self.columns(owner)} if owner and (table := self._project.table(owner)) else {}
        written = tables_written(sql, self._dialect, self._tables.seen_with(own))
        named = dict.fromkeys(name for table in written for name in (table.name, *table.sources))
        others = {name: self._project.tables[name] for name in named if name in self._project.tables.keys() - own}
        if not others:
            return written
        # The columns of other models are computed only for a hook that names them, which few hooks do.
        for unique_id in others.values():
            self.lineage(unique_id)
        known = {name: self.columns(unique_id) for name, unique_id in others.items()}
        return tables_written(sql, self._dialect, self._tables.seen_with(own | known))

    def columns(self, unique_id: str) -> Columns:
        """Returns the known columns of a table after this run."""
        if unique_id not in self._columns:
            self._columns[unique_id] = self._known(unique_id)
        return self._columns[unique_id]

    def types(self, unique_id: str) -> Mapping[str, str]:
        """Returns the columns' types by name in lower case, from the manifest or a catalog that is not stale."""
        told = {name: column.get("data_type") for name, column in self._manifest_columns(unique_id).items()}
        if not self.is_stale(unique_id):
            told |= {name: column.get("type") for name, column in self._catalog_columns(unique_id).items()}
        return {name.lower(): str(type_) for name, type_ in told.items() if type_}

    def is_stale(self, unique_id: str) -> bool:
        """True if the catalog describes a table as it was before this run wrote it."""
        return self.stale and kind(unique_id) in {"model", "snapshot"}

    def in_catalog(self, unique_id: str) -> Mapping[str, Any]:
        """Returns the catalog's entry of a node, or an empty one."""
        return self._catalog.get(unique_id) or {}

    def save(self) -> None:
        """Writes the cache; where it can't be, it is only slower the next time."""
        try:
            self._cache.save()
        except OSError as error:
            self._problems["cache_not_written"] += 1
            log.debug("The cache of column lineage was not written: %s", error)

    def _known(self, unique_id: str) -> Columns:
        declared = self._declared[self._project.table(unique_id) or ""]
        if declared.complete:
            return declared
        if (lineage := self._lineages.get(unique_id)) is None:
            return declared
        found = known_columns(lineage)
        if found.complete or not declared.names:
            return found
        return Columns(tuple(dict.fromkeys((*found.names, *declared.names))))

    def _declare(self, unique_id: str) -> Columns:
        """Returns the columns of a table in the manifest and the catalog."""
        cataloged = tuple(self._project.fold(name) for name in self._catalog_columns(unique_id))
        if cataloged and not self.is_stale(unique_id):
            return Columns(cataloged, complete=True)
        listed = tuple(self._project.fold(name) for name in self._manifest_columns(unique_id))
        contract = ((self._project.node(unique_id) or {}).get("config") or {}).get("contract") or {}
        if listed and contract.get("enforced"):
            return Columns(listed, complete=True)
        return Columns(tuple(dict.fromkeys((*cataloged, *listed))))

    def _manifest_columns(self, unique_id: str) -> Mapping[str, Mapping[str, Any]]:
        return (self._project.node(unique_id) or {}).get("columns") or {}

    def _catalog_columns(self, unique_id: str) -> Mapping[str, Mapping[str, Any]]:
        columns = self.in_catalog(unique_id).get("columns") or {}
        return dict(sorted(columns.items(), key=lambda item: item[1].get("index") or 0))

    def _sql(self, unique_id: str) -> str | None:
        node = self._project.node(unique_id)
        if node is None or kind(unique_id) not in {"model", "snapshot"} or node.get("language") == "python":
            return None
        if found := compiled_sql(node) or self._given.get(unique_id):
            return found
        if unique_id not in self._rendered:
            self._rendered[unique_id] = render(self._project, unique_id, node)
        return self._rendered[unique_id]

    def _compute(self, unique_id: str, sql: str | None) -> ColumnLineage | None:
        if sql is None:
            return None
        parents = self._project.parents(unique_id)
        known = {table: self.columns(parent) for parent in parents if (table := self._project.table(parent))}
        # What --defer reads is, by its premise, the same model made by another environment.
        deferred_names = deferred(self._project, unique_id, sql)
        known |= {
            self._project.fold(dataset_name(node)): self.columns(parent) for parent, node in deferred_names.items()
        }
        tables = self._tables.seen_with(known)
        target = self._project.table(unique_id)

        def state(parts: str, _found: str | None) -> str:
            table = tables.find(parts.split("."), target)
            columns = tables.columns(table) if table else None
            return self._states.get(table, (columns,), lambda: fingerprint([table, columns]))

        key = key_of(sql, self._dialect, target)
        lineage = self._cache.get(key, state)
        if lineage is None:
            if (lineage := self._read(unique_id, sql, tables, target)) is None:
                return None
            self._cache.put(key, lineage, state)
        node = self._project.node(unique_id) or {}
        return with_history(lineage, node) if kind(unique_id) == "snapshot" else lineage

    def _note_problems(self, unique_id: str, lineage: ColumnLineage | None) -> None:
        if lineage is not None and lineage.unresolved:
            self._problems["unresolved_names"] += len(lineage.unresolved)
            self.unresolved[unique_id] = lineage.unresolved

    def _read(self, unique_id: str, sql: str, tables: Tables, target: str | None) -> ColumnLineage | None:
        from emitter.refine.sql.columns import lineage_of  # noqa: PLC0415 # sqlglot takes time, and may be missing

        try:
            return lineage_of(sql, self._dialect, tables, target, accept_undeclared=True)
        except SqlNotUnderstood as error:
            self._problems["sql_not_understood"] += 1
            self.unread[unique_id] = str(error)
            log.debug("No column lineage: %s", error)
            return None


def _only_database(project: Project) -> str | None:
    """Returns the database that all of a project's models are in, which is the one that dbt is connected to.

    With several, a name of two parts may be of any, so it is not completed.
    """
    found = {project.fold(dataset_name(node)).partition(".")[0] for node in _models(project)}
    return found.pop() if len(found) == 1 else None


def _models(project: Project) -> Iterator[Node]:
    for unique_id, node in project.nodes.items():
        if kind(unique_id) in {"model", "seed", "snapshot"} and node.get("database"):
            yield node
