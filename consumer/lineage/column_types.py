"""Types of columns, over several schema facets of one dataset.

A facet replaces the older one as a whole, so a producer that knows a table's columns and not their types would erase
the types that another one has stated. So the last facet with any type, and the last with all of them, are kept in
registers of their own; the last schema says which columns there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from schemas.facets.dataset_facets import SchemaDatasetFacet, SchemaField

TYPED = "schema/types"
"""The register of the last schema that has the type of some column."""

ALL_TYPED = "schema/all_types"
"""The register of the last schema that has the type of every column."""

BESIDE = (TYPED, ALL_TYPED)
"""The registers beside a schema's own; one that was deleted empties them as well."""

Schema = Mapping[str, Any]
"""A schema facet as it is kept: `fields`, each with `name`, perhaps `type`, and perhaps `fields` of its own."""


def registers_of(schema: SchemaDatasetFacet) -> tuple[str, ...]:
    """Returns the registers, beside its own, that a schema facet is a value of."""
    types = [bool(field.type) for field in _flat(schema.fields)]
    if not any(types):
        return ()
    return BESIDE if all(types) else (TYPED,)


def _flat(fields: Iterable[SchemaField]) -> Iterable[SchemaField]:
    for field in fields:
        yield field
        yield from _flat(field.fields)


def with_types(schema: Schema, *typed: Schema) -> Schema:
    """Returns a schema whose columns without a type have that of the column of their name in another one.

    Args:
        schema: The schema in force; which columns there are is its word alone.
        typed: Where types are looked for, in this order: the value of TYPED, then that of ALL_TYPED.
    """
    fields = schema.get("fields")
    if not fields:
        return schema
    return {**schema, "fields": _typed(fields, [one.get("fields") or () for one in typed])}


def _typed(fields: Sequence[Schema], others: Sequence[Sequence[Schema]]) -> list[Schema]:
    by_name: defaultdict[str, list[Schema]] = defaultdict(list)
    for other in others:
        # Of fields that one schema states twice, the last one counts.
        for name, field in {field["name"]: field for field in other}.items():
            by_name[name].append(field)
    return [_with_type(field, by_name[field["name"]]) for field in fields]


def _with_type(field: Schema, others: Sequence[Schema]) -> Schema:
    known = next((other["type"] for other in others if other.get("type")), None)
    typed = {**field, "type": known} if known and not field.get("type") else {**field}
    if field.get("fields"):
        typed["fields"] = _typed(field["fields"], [other.get("fields") or () for other in others])
    return typed
