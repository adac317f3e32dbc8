"""Names in column lineage that are no tables: CTEs, aliases and functions that a SQL parser took for some.

An event is judged by itself. A name that is an input or an output of the event is a table, whatever it looks like, but
for a bare word beside tables whose names have a database and a schema.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property

from consumer.lineage.folding.sql.sql_names import names_in, quoted
from consumer.lineage.folding.sql.sql_reads import SqlReads
from schemas.events import Body, Dataset, Job
from schemas.facets.dataset_facets import SymlinksDatasetFacet
from schemas.facets.job_facets import JobTypeJobFacet, SQLJobFacet
from schemas.naming import DatasetName, canonical, is_sql, last_part, sql_parts
from schemas.system_tables import is_completed_system_view

_QUERY = re.compile(r"(?:\s+|--[^\n]*\n|/\*.*?\*/|\()*(?:select|with)\b", re.IGNORECASE | re.DOTALL)
"""Beginnings of the compiled SQL of a model; that of a Python model is Python."""


class Tables:
    """The tables that an event names as such.

    Args:
        body: The event's body.
    """

    def __init__(self, body: Body) -> None:
        self._body = body

    @cached_property
    def is_node_of_dbt(self) -> bool:
        """True if the event is of a model or snapshot of dbt."""
        return _is_node_of_dbt(self._body.job)

    def is_alias(self, dataset: Dataset) -> bool:
        """True if an input is a bare word where tables have a database and a schema.

        Names with some parts, but not all, are kept: a producer may mean a table of the default database. So are those
        with another name by symlink.
        """
        if "." in dataset.name or "/" in dataset.name:
            return False
        name = canonical(dataset.namespace, dataset.name)
        if sql_parts(name) is None or not self._is_of_sql(name) or SymlinksDatasetFacet.key in dataset.facets:
            return False
        return self._parts_beside(name) > 1

    def read_by_dbt(self) -> frozenset[DatasetName] | None:
        """Returns the tables that a dbt model or snapshot reads by its compiled SQL, with full names.

        Stock dbt-ol names a source by its name in dbt, an ephemeral model as if it were a table, and no seed and no
        snapshot.

        Returns:
            None where the event is no such job's, or its SQL names no table in full.
        """
        if not self.is_node_of_dbt or not _QUERY.match(self._sql):
            return None
        names = names_in(self._sql)
        namespaces = {one.namespace for one in self._body.outputs or self._body.inputs}
        if len(namespaces) != 1 or len(self._lengths) != 1:
            return None
        (namespace,), (length,) = namespaces, self._lengths
        paths = [path for path in names.spelled if len(path) == length > 1 and path[0].lower() not in names.defined]
        found = {canonical(namespace, quoted(path)) for path in paths}
        return frozenset(found - self._outputs) if paths else None

    @cached_property
    def calls_function(self) -> bool:
        """True if the SQL calls a function by its path, as dbt compiles `function()`; it may read tables of its own."""
        names = names_in(self._sql)
        return any(len(path) in self._lengths and path[0] not in names.defined for path in names.calls)

    def is_phantom(self, source: DatasetName) -> bool:
        """True if a source of lineage, by its canonical name, is no table."""
        if source in self._outputs or source in self._inputs:
            return False
        parts = sql_parts(source)
        if parts is None:
            return False
        if len(parts) < self._least.get(source.namespace, 0):
            return True
        return self._is_of_sql(source) and names_in(self._sql).has_only_defined(parts)

    def is_system_view(self, name: DatasetName) -> bool:
        """True if a name is that of Redshift's own view, with a schema that the event's SQL does not give it.

        Without SQL it is one, too: a user has no reason to give a table such a name.
        """
        if not is_completed_system_view(name) or name in self._outputs:
            return False
        view = last_part(name)
        spelled = [path for path in names_in(self._sql).tables if path[-1] == view]
        return all(len(path) == 1 for path in spelled)

    @cached_property
    def reads(self) -> SqlReads:
        """Returns the reads in the event's SQL; none of a dbt model, and none of Spark's own views."""
        is_read = not self.is_node_of_dbt and "spark" not in self._body.producer.lower()
        return SqlReads(self._sql if is_read else "", self._inputs, self._outputs)

    @cached_property
    def _outputs(self) -> set[DatasetName]:
        return {canonical(one.namespace, one.name) for one in self._body.outputs}

    @cached_property
    def _inputs(self) -> set[DatasetName]:
        return {canonical(one.namespace, one.name) for one in self._body.inputs if not self.is_alias(one)}

    @cached_property
    def _lengths(self) -> set[int]:
        """Returns the numbers of parts that names of tables have."""
        return {len(sql_parts(name) or ()) for name in self._outputs or self._inputs}

    @cached_property
    def _least_of_outputs(self) -> dict[str, int]:
        return _least(self._outputs)

    @cached_property
    def _least(self) -> dict[str, int]:
        return _least(self._outputs | self._inputs)

    @cached_property
    def _sql(self) -> str:
        return _query(self._body.job)

    def _is_of_sql(self, name: DatasetName) -> bool:
        return bool(self._sql) or is_sql(name.namespace)

    def _parts_beside(self, name: DatasetName) -> int:
        """Returns the fewest parts of the outputs in a name's namespace; without any, of inputs of several parts."""
        least = self._least_of_outputs.get(name.namespace)
        if least is not None:
            return least
        named = (canonical(one.namespace, one.name) for one in self._body.inputs)
        return _least(one for one in named if len(sql_parts(one) or ()) > 1).get(name.namespace, 0)


def _is_node_of_dbt(job: Job) -> bool:
    facet = job.facets.get(JobTypeJobFacet.key)
    kind = facet if isinstance(facet, dict) else {}
    # Tuples, as an event may have anything there, also what has no hash.
    return kind.get("integration") == "DBT" and kind.get("jobType") in ("MODEL", "SNAPSHOT")


def _least(names: Iterable[DatasetName]) -> dict[str, int]:
    """Returns the fewest parts of the names of each namespace."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for name in names:
        if parts := sql_parts(name):
            found[name.namespace].add(len(parts))
    return {namespace: min(lengths) for namespace, lengths in found.items()}


def _query(job: Job) -> str:
    facet = job.facets.get(SQLJobFacet.key)
    query = facet.get("query") if isinstance(facet, dict) else None
    return query if isinstance(query, str) else ""
