"""Names in column lineage that are no tables: CTEs, aliases and functions that a SQL parser took for some.

An event is judged by itself. A name that is an input or an output of the event is a table, whatever it looks like, but
for a bare word beside tables whose names have a database and a schema.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property

from consumer.lineage.sql_names import names_in
from schemas.events import Dataset, Job, JobEvent, RunEvent
from schemas.facets.datasets import SymlinksDatasetFacet
from schemas.facets.jobs import SQLJobFacet
from schemas.naming import DatasetName, canonical, is_sql, sql_parts


class Tables:
    """The tables that an event names as such.

    Args:
        event: The event.
    """

    def __init__(self, event: RunEvent | JobEvent) -> None:
        self._event = event

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

    def is_phantom(self, source: DatasetName) -> bool:
        """True if a source of lineage, by its canonical name, is no table."""
        if source in self._outputs or source in self._inputs:
            return False
        parts = sql_parts(source)
        if parts is None or not self._is_of_sql(source):
            return False
        return len(parts) < self._least.get(source.namespace, 0) or names_in(self._sql).has_only_defined(parts)

    @cached_property
    def _outputs(self) -> set[DatasetName]:
        return {canonical(one.namespace, one.name) for one in self._event.outputs}

    @cached_property
    def _inputs(self) -> set[DatasetName]:
        return {canonical(one.namespace, one.name) for one in self._event.inputs if not self.is_alias(one)}

    @cached_property
    def _least_of_outputs(self) -> dict[str, int]:
        return _least(self._outputs)

    @cached_property
    def _least(self) -> dict[str, int]:
        return _least(self._outputs | self._inputs)

    @cached_property
    def _sql(self) -> str:
        return _query(self._event.job)

    def _is_of_sql(self, name: DatasetName) -> bool:
        return bool(self._sql) or is_sql(name.namespace)

    def _parts_beside(self, name: DatasetName) -> int:
        """The fewest parts of the outputs of a name's namespace; where it has none, of its inputs of several parts."""
        least = self._least_of_outputs.get(name.namespace)
        if least is not None:
            return least
        named = (canonical(one.namespace, one.name) for one in self._event.inputs)
        return _least(one for one in named if len(sql_parts(one) or ()) > 1).get(name.namespace, 0)


def _least(names: Iterable[DatasetName]) -> dict[str, int]:
    """The fewest parts of the names of each namespace."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for name in names:
        if parts := sql_parts(name):
            found[name.namespace].add(len(parts))
    return {namespace: min(lengths) for namespace, lengths in found.items()}


def _query(job: Job) -> str:
    facet = job.facets.get(SQLJobFacet.key)
    query = facet.get("query") if isinstance(facet, dict) else None
    return query if isinstance(query, str) else ""
