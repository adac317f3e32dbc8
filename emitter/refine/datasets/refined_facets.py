"""The facets that refinement makes, each after its OpenLineage JSON Schema."""

from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from emitter.refine.sql.lineage_value import ColumnLineage
from emitter.refine.sql.origins import Origin

Facet = dict[str, Any]

UNDECLARED = "headwater_undeclared"
"""The facet of an input that only a node's SQL names: in no file of the dbt project is it a source or a model."""
PRODUCER = "urn:headwater:refine"
_SPEC = "https://openlineage.io/spec/facets"
_DBT = "https://github.com/OpenLineage/OpenLineage/tree/main/integration/common/openlineage/schema"


def _facet(schema: str, **values: Any) -> Facet:
    name = schema.rpartition("/")[2].removesuffix(".json")
    return {"_producer": PRODUCER, "_schemaURL": f"{_SPEC}/{schema}#/$defs/{name}", **values}


def column_lineage_facet(lineage: ColumnLineage, namespace: str) -> Facet:
    """`columnLineage`: the columns that are made from others, and under `dataset` what decides on all rows."""
    fields = {}
    for name, origins in lineage.columns.items():
        if origins:
            fields[name] = {"inputFields": _input_fields(origins, namespace, lineage.masked.get(name, ()))}
    whole = {"dataset": _input_fields(lineage.whole, namespace)} if lineage.whole else {}
    return _facet("1-2-0/ColumnLineageDatasetFacet.json", fields=fields, **whole)


def _input_fields(origins: Sequence[Origin], namespace: str, masked: Container[Origin] = ()) -> list[dict[str, Any]]:
    found = []
    for (table, column), same in groupby(sorted(origins), key=lambda origin: (origin.table, origin.column)):
        steps = [_transformation(origin, masking=origin in masked) for origin in same]
        found.append({"namespace": namespace, "name": table, "field": column, "transformations": steps})
    return found


def _transformation(origin: Origin, *, masking: bool) -> dict[str, Any]:
    type_, _, subtype = origin.kind.partition("/")
    # The property is optional; only what is known to be obfuscated has it.
    return {"type": type_, "subtype": subtype, **({"masking": True} if masking else {})}


def schema_facet(columns: Iterable[str], types: Mapping[str, str], documented: Mapping[str, Any]) -> Facet:
    """`schema`: columns with their types and descriptions, as far as they are known.

    Args:
        columns: The names in order.
        types: The types by name in lower case.
        documented: The manifest's columns by name.
    """
    described = {name.lower(): column.get("description") for name, column in documented.items()}
    fields = []
    for name in columns:
        more = {"type": types.get(name.lower()), "description": described.get(name.lower())}
        fields.append({"name": name, **{key: value for key, value in more.items() if value}})
    return _facet("1-2-0/SchemaDatasetFacet.json", fields=fields)


def data_source_facet(namespace: str) -> Facet:
    """`dataSource`: the warehouse."""
    return _facet("1-0-1/DatasourceDatasetFacet.json", name=namespace, uri=namespace)


def documentation_facet(text: str) -> Facet:
    """`documentation`: a node's description."""
    return _facet("1-1-0/DocumentationDatasetFacet.json", description=text)


def symlinks_facet(names: Iterable[tuple[str, str]]) -> Facet:
    """`symlinks`: other names of a table, each a namespace and a name."""
    identifiers = [{"namespace": namespace, "name": name, "type": "TABLE"} for namespace, name in names]
    return _facet("1-0-1/SymlinksDatasetFacet.json", identifiers=identifiers)


def assertions_facet(assertions: Sequence[Mapping[str, Any]]) -> Facet:
    """`dataQualityAssertions`: results of tests."""
    return _facet("1-1-0/DataQualityAssertionsDatasetFacet.json", assertions=list(assertions))


def exposures_facet(exposures: Sequence[Mapping[str, Any]]) -> Facet:
    """`dbt_exposures`, dbt-ol's own facet: who uses a table outside dbt."""
    schema = f"{_DBT}/dbt-exposures-dataset-facet.json"
    return {"_producer": PRODUCER, "_schemaURL": schema, "exposures": list(exposures)}


def undeclared_facet() -> Facet:
    """`headwater_undeclared`: the mark of an input that only SQL names."""
    return {
        "_producer": PRODUCER,
        "_schemaURL": f"{PRODUCER}:undeclared",
        "reason": "named in SQL without ref() or source()",
    }
