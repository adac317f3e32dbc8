"""The column lineage of an output: what its SQL says, and what the event said where the SQL does not say all."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from emitter.refine import refined_facets
from emitter.refine.sql.lineage_value import ColumnLineage

Facet = Mapping[str, Any]
IsReal = Callable[[str, str], bool]


class ColumnEdges:
    """Chooses between an event's column edges and those of the SQL.

    Args:
        is_real: returns True if a table, by name, can have a column.
        problems: counts what was dropped.
    """

    def __init__(self, is_real: IsReal, problems: Counter[str]) -> None:
        self._is_real = is_real
        self._problems = problems

    def facet(self, given: Facet | None, lineage: ColumnLineage | None, namespace: str) -> dict[str, Any] | None:
        """Returns the `columnLineage` facet of an output; None where nothing is known.

        An edge of the event is left out only where the SQL was understood as a whole, or where its source can't exist.

        Args:
            given: the event's facet.
            lineage: what the node's SQL says; None if it can't be read.
            namespace: the warehouse's.
        """
        kept = {} if given is None or (lineage is not None and lineage.exact) else self._real(given)
        if lineage is None:
            return {**(given or {}), "fields": kept} if kept else None
        # Without fields it says that there are none, where an earlier run's would otherwise stay in force.
        found = refined_facets.column_lineage_facet(lineage, namespace)
        return {**found, "fields": _united(found["fields"], kept)}

    def _real(self, given: Facet) -> dict[str, Any]:
        """Returns the fields of a facet without the names of CTEs, which dbt-ol takes for tables."""
        fields = {}
        for name, field in (given.get("fields") or {}).items():
            inputs = field.get("inputFields") or []
            real = [each for each in inputs if self._is_real(each["name"], each["field"])]
            self._problems["phantom_columns"] += len(inputs) - len(real)
            if real:
                fields[name] = {**field, "inputFields": real}
        return fields


def _united(ours: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    """Returns all fields; of one input field that both have, ours."""
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
