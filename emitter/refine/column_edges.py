"""The column lineage of an output: from its SQL, completed from the event if the SQL was not understood as a whole."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from emitter.refine.datasets import refined_facets
from emitter.refine.sql.lineage_value import ColumnLineage

Facet = Mapping[str, Any]
IsReal = Callable[[str, str], bool]


class ColumnEdges:
    """Merges an event's column edges with those of the SQL.

    Args:
        is_real: Returns True if a table, by name, can have a column.
        problems: Counts dropped parts.
    """

    def __init__(self, is_real: IsReal, problems: Counter[str]) -> None:
        self._is_real = is_real
        self._problems = problems

    def facet(self, given: Facet | None, lineage: ColumnLineage | None, namespace: str) -> dict[str, Any] | None:
        """Returns the `columnLineage` facet of an output; None if nothing is known.

        An edge of the event is dropped only if the SQL was understood as a whole, or if its source can't exist.

        Args:
            given: The event's facet.
            lineage: The lineage of the node's SQL; None if it is unknown.
            namespace: The namespace of the warehouse.
        """
        kept = {} if given is None or (lineage is not None and lineage.exact) else self._real(given)
        if lineage is None:
            return {**(given or {}), "fields": kept} if kept else None
        # A facet without fields replaces that of an earlier run, which would otherwise remain valid.
        found = refined_facets.column_lineage_facet(lineage, namespace)
        return {**found, "fields": _united(found["fields"], kept)}

    def _real(self, given: Facet) -> dict[str, Any]:
        """Returns the fields of a facet without the names of CTEs, which dbt-ol treats as tables."""
        fields = {}
        for name, field in (given.get("fields") or {}).items():
            inputs = field.get("inputFields") or []
            real = [each for each in inputs if self._is_real(each["name"], each["field"])]
            self._problems["phantom_columns"] += len(inputs) - len(real)
            if real:
                fields[name] = {**field, "inputFields": real}
        return fields


def _united(ours: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    """Returns all fields; of an input field in both, the one from SQL."""
    fields = dict(ours)
    for name, field in kept.items():
        own = ours.get(name, {}).get("inputFields", [])
        known = {_source(each) for each in own}
        others = [each for each in field["inputFields"] if _source(each) not in known]
        if others:
            fields[name] = {**field, "inputFields": [*own, *others]}
    return fields


def _source(field: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    return field["namespace"], field["name"], field["field"]
