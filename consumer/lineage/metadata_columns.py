"""Columns and tables that an engine adds by itself: the file of a row, the history of a table. They are no data.

Names are those of the engines' documentation: "Metadata Columns" of Iceberg's specification and "Inspecting tables" of
its Spark pages; Trino's pages of the Hive and Iceberg connectors, which Athena follows; BigQuery's "Pseudocolumns";
Snowflake's "Querying metadata for staged files"; Redshift's "Pseudocolumns" of external tables; Spark's "Hidden file
metadata"; Delta Lake's "Change data feed".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from schemas.events import Dataset
from schemas.facets.dataset_facets import (
    SchemaDatasetFacet,
    StorageDatasetFacet,
    SymlinksDatasetFacet,
)
from schemas.naming import DatasetName, last_part
from schemas.storage_paths import has_paths, is_warehouse, scheme

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

_METADATA_TABLES = frozenset(
    {"all_data_files", "all_delete_files", "all_entries", "all_files", "all_manifests", "data_files", "delete_files"}
    | {"entries", "files", "history", "manifests", "metadata_log_entries", "partitions", "position_deletes", "refs"}
    | {"snapshots"}
)
_SUFFIXES = _METADATA_TABLES | {"properties", "iceberg_history", "table_changes", "timeline"}
_STEP = re.compile(r"[./]")

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
    elif (by_spark and SymlinksDatasetFacet.key in facets) or len(_ICEBERG & _field_names(facets)) > 1:
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


def _field_names(facets: Mapping[str, object]) -> set[str]:
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


def may_be_table(dataset: Dataset) -> bool:
    """True if `is_table` may be for a dataset; quick, as it is asked of every dataset."""
    return "$" in dataset.name or SymlinksDatasetFacet.key in dataset.facets or is_warehouse(dataset.namespace)


def is_table(name: DatasetName, links: Iterable[DatasetName] = ()) -> bool:
    """True if a dataset is the metadata of another table.

    Args:
        name: Its canonical name.
        links: The canonical names of its symlinks: Spark names the table's location, and the metadata by symlink.
    """
    if not has_paths(name.namespace) and _is_by_suffix(name.name):
        return True
    if is_warehouse(name.namespace) and _is_below_a_table(name.name, least=3):
        return True
    return any(_is_by_suffix(link.name) or _is_metadata_of(link.name, name) for link in links)


def _is_by_suffix(name: str) -> bool:
    """True for Trino's form, `db.t$snapshots`."""
    table, mark, suffix = name.rstrip('"').rpartition("$")
    return bool(mark and table) and suffix.lower() in _SUFFIXES


def _is_below_a_table(name: str, least: int) -> bool:
    steps = _STEP.split(name)
    return len(steps) >= least and steps[-1].lower() in _METADATA_TABLES


def _is_metadata_of(link: str, location: DatasetName) -> bool:
    """True for Iceberg's form, `db.t.snapshots`, where the location is that of `t` and not of `snapshots`."""
    if not _is_below_a_table(link, least=2):
        return False
    *_, table, _metadata = _STEP.split(link.lower())
    return last_part(location).lower().startswith(table)
