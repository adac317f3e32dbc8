"""Columns that an engine adds by itself, such as the file of a row. They are no data.

Names are those of the engines' documentation: "Metadata Columns" of Iceberg's specification; Trino's pages of the Hive
and Iceberg connectors, which Athena follows; BigQuery's "Pseudocolumns";
Snowflake's "Querying metadata for staged files"; Redshift's "Pseudocolumns" of external tables; Spark's "Hidden file
metadata"; Delta Lake's "Change data feed".
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.facets.dataset_facets import (
    SchemaDatasetFacet,
    StorageDatasetFacet,
    SymlinksDatasetFacet,
)
from schemas.storage_paths import scheme

_ANYWHERE = frozenset(
    {"$path", "$file_modified_time", "$file_size", "$partition", "$partition_id", "$bucket", "$row_id"}
    | {"$size", "$spectrum_oid"}
)
_STAGED_FILES = "metadata$"
_ICEBERG = frozenset(
    {"_file", "_pos", "_deleted", "_spec_id", "_partition", "_row_id", "_last_updated_sequence_number"}
    | {"_change_type", "_change_ordinal", "_commit_snapshot_id"}
)
_DELTA = frozenset({"_change_type", "_commit_version", "_commit_timestamp"})
_SPARK = frozenset({"_metadata"})
_BIGQUERY = frozenset({"_partitiontime", "_partitiondate", "_table_suffix", "_file_name"})
_BY_LAYER = {"iceberg": _ICEBERG, "delta": _DELTA}

NOTHING: frozenset[str] = frozenset()


def reserved(namespace: str, facets: Mapping[str, object], *, by_spark: bool) -> frozenset[str]:
    """Returns the columns, beside those that are metadata everywhere, that are metadata of a dataset.

    Iceberg's names are reserved in its tables alone; elsewhere a loader may have made a column of that name. So the
    event has to say that the table is Iceberg's: by its storage or catalog; by two such columns in one schema; or, as
    Spark's events do not always have these facets, by being a table that Spark has by name.

    Args:
        namespace: The dataset's namespace.
        facets: Its facets as they are in the event.
        by_spark: True if Spark made the event.
    """
    found = _BIGQUERY if scheme(namespace) == "bigquery" else NOTHING
    layer = _layer(facets)
    if layer:
        found |= _BY_LAYER.get(layer, NOTHING)
    elif (by_spark and SymlinksDatasetFacet.key in facets) or len(_ICEBERG & field_names(facets)) > 1:
        found |= _ICEBERG
    return found | _SPARK if by_spark else found


def _layer(facets: Mapping[str, object]) -> str:
    """Returns the table format that a storage or a catalog facet names, in lower case; empty if none does."""
    for key, name in ((StorageDatasetFacet.key, "storageLayer"), ("catalog", "framework")):
        facet = facets.get(key)
        said = facet.get(name) if isinstance(facet, dict) else None
        if isinstance(said, str) and said:
            return said.lower()
    return ""


def _fields(facet: object) -> list[object]:
    fields = facet.get("fields") if isinstance(facet, dict) else None
    return fields if isinstance(fields, list) else []


def _name_of(field: object) -> str:
    name = field.get("name") if isinstance(field, dict) else None
    return name if isinstance(name, str) else ""


def field_names(facets: Mapping[str, object]) -> set[str]:
    """Returns the names of the columns that a schema facet has, in lower case."""
    return {_name_of(field).lower() for field in _fields(facets.get(SchemaDatasetFacet.key))}


def is_column(name: str, of_dataset: frozenset[str] = NOTHING) -> bool:
    """True if a column, or the column that a field is in, is metadata.

    Args:
        name: The column's name, or the path of a field in it.
        of_dataset: The names that its dataset reserves.
    """
    column = name.partition(".")[0].lower()
    return column in of_dataset or column in _ANYWHERE or column.startswith(_STAGED_FILES)


def may_be_column(name: str) -> bool:
    """True if `is_column` may be for some dataset; quick, as it is asked of every column."""
    return name[:1] in "_$" or "$" in name


def schema_without(facet: object, of_dataset: frozenset[str]) -> object:
    """Returns a schema facet without metadata columns; the very same if it has none."""
    fields = _fields(facet)
    kept = [field for field in fields if not is_column(_name_of(field), of_dataset)]
    return {**facet, "fields": kept} if isinstance(facet, dict) and len(kept) < len(fields) else facet
