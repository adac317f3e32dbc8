"""Refinement by what an event itself says, for events that no emitter with dbt's manifest has refined; pure.

Column lineage comes from the SQL that ran, by the emitter's own reader; a name that is neither an input nor the output
of the event, as dbt-ol has of common table expressions, is no origin; a test writes no table. Events that are refined
already, and those of other producers than dbt, come back as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from emitter.refine import ColumnLineage, Columns, SqlNotUnderstood, column_lineage
from emitter.refine.refined_facets import PRODUCER, column_lineage_facet
from schemas.naming import engine

Json = dict[str, Any]

_OF_DBT: Final = "/integration/dbt"
_KEY: Final = "columnLineage"
_STATEMENTS: Final = 2_000
"""How many statements' lineage is kept: models are rebuilt again and again, and reading SQL takes milliseconds."""


def refined(event: Json) -> Json:
    """Returns an event as the emitter would have sent it, as far as that can be told without dbt's manifest.

    Args:
        event: A run event's document; it is not changed.
    """
    if _OF_DBT not in str(event.get("producer")):
        return event
    if is_test(event):
        return {**event, "outputs": []}
    outputs = event["outputs"]
    if len(outputs) == 1 and (facet := _computed(event, outputs[0])) is not None:
        return {**event, "outputs": [_with(outputs[0], facet)]}
    known = {_name(dataset) for dataset in (*event["inputs"], *outputs)}
    return {**event, "outputs": [_with(output, _real(output, known)) for output in outputs]}


def is_test(event: Json) -> bool:
    """Whether an event is of one of dbt's tests, which move no data."""
    return _at(event, "job", "facets", "jobType").get("jobType") == "TEST"


def _computed(event: Json, output: Json) -> Json | None:
    """Returns the column lineage of the event's SQL; None if there is none, or the emitter has told it."""
    sql, namespace = _at(event, "job", "facets", "sql"), output["namespace"]
    query, dialect = sql.get("query"), sql.get("dialect") or engine(namespace)
    if _is_refined(output) or not isinstance(query, str) or not isinstance(dialect, str):
        return None
    tables = tuple((d["name"], tuple(_columns(d))) for d in event["inputs"] if d["namespace"] == namespace)
    lineage = _read(query, dialect, tables, output["name"])
    if lineage is None or not any(lineage.columns.values()):
        return None
    return column_lineage_facet(lineage, namespace)


@lru_cache(maxsize=_STATEMENTS)
def _read(sql: str, dialect: str, tables: tuple[tuple[str, tuple[str, ...]], ...], target: str) -> ColumnLineage | None:
    # A schema facet may hold the documented columns only.
    schema = {name: Columns(columns) for name, columns in tables}
    try:
        return column_lineage(sql, dialect, schema, target)
    except SqlNotUnderstood:
        return None


def _columns(dataset: Json) -> Iterator[str]:
    fields = _at(dataset, "facets", "schema").get("fields")
    for field in fields if isinstance(fields, list) else ():
        if isinstance(field, dict) and isinstance(field.get("name"), str):
            yield field["name"]


def _real(output: Json, known: set[tuple[str, str] | None]) -> Json | None:
    """Returns an output's column lineage without what is no dataset of the event; None if nothing remains."""
    facet = _at(output, "facets", _KEY)
    told = facet.get("fields")
    if _is_refined(output) or not isinstance(told, dict):
        return dict(facet) or None
    fields = {}
    for column, field in told.items():
        inputs = _at(field).get("inputFields")
        real = [one for one in (inputs if isinstance(inputs, list) else ()) if _name(one) in known]
        if real:
            fields[column] = {**field, "inputFields": real}
    return {**facet, "fields": fields} if fields else None


def _with(output: Json, facet: Json | None) -> Json:
    facets = {key: value for key, value in output["facets"].items() if key != _KEY}
    return {**output, "facets": facets | ({} if facet is None else {_KEY: facet})}


def _is_refined(output: Json) -> bool:
    return _at(output, "facets", _KEY).get("_producer") == PRODUCER


def _name(entry: Any) -> tuple[str, str] | None:
    namespace, name = _at(entry).get("namespace"), _at(entry).get("name")
    return (namespace, name) if isinstance(namespace, str) and isinstance(name, str) else None


def _at(value: Any, *path: str) -> Mapping[str, Any]:
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}
