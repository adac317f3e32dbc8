"""Refinement of events without dbt's manifest, from the event's own SQL; pure.

Column lineage is computed from the executed SQL by the emitter's parser. Origins that are neither an input nor an
output of the event are dropped: dbt-ol names common table expressions so. Outputs of tests are dropped, as tests write
no table. Events that are already refined, and events of producers other than dbt, are returned unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from emitter.refine import ColumnLineage, Columns, SqlNotUnderstood, column_lineage
from emitter.refine.datasets.refined_facets import PRODUCER, column_lineage_facet
from schemas.naming import engine

Json = dict[str, Any]

_DBT_PRODUCER: Final = "/integration/dbt"
_KEY: Final = "columnLineage"
_CACHED_STATEMENTS: Final = 2_000
"""Size of the cache of statements: models are rebuilt repeatedly, and parsing SQL takes milliseconds."""


def refine(event: Json) -> Json:
    """Returns an event with the refinement that is possible without dbt's manifest.

    Args:
        event: Document of a run event; it is not modified.
    """
    if _DBT_PRODUCER not in str(event.get("producer")):
        return event
    if is_test(event):
        return {**event, "outputs": []}
    outputs = event["outputs"]
    if len(outputs) == 1 and (facet := _compute_lineage(event, outputs[0])) is not None:
        return {**event, "outputs": [_with_lineage(outputs[0], facet)]}
    known = {_name(dataset) for dataset in (*event["inputs"], *outputs)}
    return {**event, "outputs": [_with_lineage(output, _without_unknown_origins(output, known)) for output in outputs]}


def is_test(event: Json) -> bool:
    """True for an event of a dbt test, which moves no data."""
    return _at(event, "job", "facets", "jobType").get("jobType") == "TEST"


def _compute_lineage(event: Json, output: Json) -> Json | None:
    """Returns the column lineage of the event's SQL; None without SQL, or if the emitter has refined the event."""
    sql, namespace = _at(event, "job", "facets", "sql"), output["namespace"]
    query, dialect = sql.get("query"), sql.get("dialect") or engine(namespace)
    if _is_refined(output) or not isinstance(query, str) or not isinstance(dialect, str):
        return None
    tables = tuple((d["name"], tuple(_columns(d))) for d in event["inputs"] if d["namespace"] == namespace)
    lineage = _parse_sql(query, dialect, tables, output["name"])
    if lineage is None or not any(lineage.columns.values()):
        return None
    return column_lineage_facet(lineage, namespace)


@lru_cache(maxsize=_CACHED_STATEMENTS)
def _parse_sql(
    sql: str, dialect: str, tables: tuple[tuple[str, tuple[str, ...]], ...], target: str
) -> ColumnLineage | None:
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


def _without_unknown_origins(output: Json, known: set[tuple[str, str] | None]) -> Json | None:
    """Returns an output's column lineage without origins that are not datasets of the event; None if none remains."""
    facet = _at(output, "facets", _KEY)
    all_fields = facet.get("fields")
    if _is_refined(output) or not isinstance(all_fields, dict):
        return dict(facet) or None
    fields = {}
    for column, field in all_fields.items():
        inputs = _at(field).get("inputFields")
        entries = inputs if isinstance(inputs, list) else ()
        kept = [entry for entry in entries if _name(entry) in known]
        if kept:
            fields[column] = {**field, "inputFields": kept}
    return {**facet, "fields": fields} if fields else None


def _with_lineage(output: Json, facet: Json | None) -> Json:
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
