"""OpenLineage facets of dbt's nodes, as openlineage-dbt 1.54 makes them, as plain dictionaries.

Without that library, as backfill runs where no dbt is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from emitter.dbt.manifest import Node, config_of

PRODUCER = "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/integration/dbt"
"""The integration whose events these are like; it is what consumers know them by."""

Facet = dict[str, Any]
Facets = dict[str, Facet]

_SPEC = "https://openlineage.io/spec/facets/{0}/{1}.json#/$defs/{1}"
_DBT = "https://github.com/OpenLineage/OpenLineage/tree/main/integration/common/openlineage/schema/{0}.json"
_OWN = "urn:headwater:emitter"
_URLS = {
    "dataQualityAssertions": _SPEC.format("1-1-0", "DataQualityAssertionsDatasetFacet"),
    "dataSource": _SPEC.format("1-0-1", "DatasourceDatasetFacet"),
    "dbt_exposures": _DBT.format("dbt-exposures-dataset-facet"),
    "dbt_model": _DBT.format("dbt-model-dataset-facet"),
    "dbt_node": _DBT.format("dbt-node-job-facet"),
    "dbt_run": _DBT.format("dbt-run-run-facet"),
    "dbt_version": _DBT.format("dbt-version-run-facet"),
    "documentation": _SPEC.format("1-1-0", "DocumentationDatasetFacet"),
    "errorMessage": _SPEC.format("1-0-1", "ErrorMessageRunFacet"),
    "externalQuery": _SPEC.format("1-0-2", "ExternalQueryRunFacet"),
    "headwater_skipped": f"{_OWN}:skipped",
    "jobType": _SPEC.format("2-0-4", "JobTypeJobFacet"),
    "outputStatistics": _SPEC.format("1-0-2", "OutputStatisticsOutputDatasetFacet"),
    "ownership": _SPEC.format("1-0-1", "OwnershipDatasetFacet"),
    "parent": _SPEC.format("1-2-0", "ParentRunFacet"),
    "processing_engine": _SPEC.format("1-1-1", "ProcessingEngineRunFacet"),
    "schema": _SPEC.format("1-2-0", "SchemaDatasetFacet"),
    "sql": _SPEC.format("1-1-0", "SQLJobFacet"),
    "symlinks": _SPEC.format("1-0-1", "SymlinksDatasetFacet"),
    "tags": _SPEC.format("1-0-0", "TagsRunFacet"),
    "dataset_tags": _SPEC.format("1-0-0", "TagsDatasetFacet"),
    "test": _SPEC.format("1-0-1", "TestRunFacet"),
}

KINDS = frozenset(_URLS)
"""The keys of all facets that are made here."""

_TAGGED = frozenset({"config", "meta", "tags"})
"""The parts of a node or column that tags are in."""
_INCREMENTAL = ("on_schema_change", "partition_by", "full_refresh")
_MICROBATCH = ("event_time", "batch_size", "begin", "lookback")


def facet(key: str, **fields: Any) -> Facets:
    """Returns one facet under its key; fields that are None are left out."""
    kept = {name: value for name, value in fields.items() if value is not None}
    return {key: {"_producer": PRODUCER, "_schemaURL": _URLS[key], **kept}}


def job_type(kind: str) -> Facets:
    """Returns the facet of a dbt job's type, such as MODEL."""
    return facet("jobType", jobType=kind, integration="DBT", processingType="BATCH")


def node(found: Node, project: str = "") -> Facets:
    """Returns the identity of a node: its unique id, its checksum, and the root project of a package's node."""
    keys = ("original_file_path", "database", "schema", "alias", "unique_id")
    checksum = found.get("checksum")
    code = checksum.get("checksum") if isinstance(checksum, Mapping) else None
    root = project if project and found.get("package_name", project) != project else None
    own = {key: found.get(key) for key in keys}
    return facet("dbt_node", **own, checksum=code or None, root_project=root)


def tags(found: Node) -> Facets:
    """Returns the tags that dbt has for a node, and its meta as tags with values; of its run, as dbt-ol has them."""
    own = _tags_of(found)
    return facet("tags", tags=own) if own else {}


def dataset_tags(found: Node) -> Facets:
    """Returns the tags of the table and its columns; dbt-ol has no tags of columns, and a JobEvent has no run."""
    columns: Mapping[str, Node] = found.get("columns") or {}
    # Most columns have a name and a description alone.
    tagged = [column for column in columns.values() if not _TAGGED.isdisjoint(column)]
    of_columns = [{**tag, "field": column["name"]} for column in tagged for tag in _tags_of(column)]
    own = _tags_of(found) + of_columns
    return {"tags": facet("dataset_tags", tags=own)["dataset_tags"]} if own else {}


def _tags_of(found: Node) -> list[Facet]:
    given = found.get("tags") or config_of(found).get("tags") or ()
    # Old manifests and other engines hold a single tag as text, and YAML's numbers as numbers.
    named = [given] if isinstance(given, str) else given
    plain = [{"key": _spelled(tag), "value": "true", "source": "DBT"} for tag in named]
    meta = [{"key": str(key), "value": _spelled(value), "source": "DBT_META"} for key, value in _meta(found).items()]
    return plain + meta


def documentation(found: Node) -> Facets:
    """Returns the node's description."""
    return facet("documentation", description=found["description"]) if found.get("description") else {}


def ownership(found: Node, groups: Mapping[str, Node]) -> Facets:
    """`meta.owner`, one or several; else the owner of the node's group.

    Args:
        found: The node.
        groups: The project's groups by name.
    """
    owner = _meta(found).get("owner")
    names = owner if isinstance(owner, list) else [owner] if owner else []
    if names:
        return facet("ownership", owners=[{"name": str(name)} for name in names])
    of_group: Mapping[str, Any] = (groups.get(_group(found)) or {}).get("owner") or {}
    name = of_group.get("name") or of_group.get("email")
    return facet("ownership", owners=[{"name": str(name), "type": "GROUP"}]) if name else {}


def _group(found: Node) -> str:
    return str(config_of(found).get("group") or found.get("group") or "")


def schema(found: Node, in_catalog: Node | None) -> Facets:
    """Returns the columns: those of the engine, by the catalog, else those that the project documents."""
    described: Mapping[str, Node] = found.get("columns") or {}
    if in_catalog:
        in_order = sorted((in_catalog.get("columns") or {}).values(), key=lambda column: column.get("index") or 0)
        fields = [
            _field(column["name"], column.get("type"), _described(described, column["name"])) for column in in_order
        ]
    else:
        fields = [
            _field(column["name"], column.get("data_type"), column.get("description")) for column in described.values()
        ]
    return facet("schema", fields=fields) if fields else {}


def _field(name: str, kind: object, description: object) -> dict[str, object]:
    known = {"name": name, "type": kind, "description": description}
    return {key: value for key, value in known.items() if value}


def model(found: Node) -> Facets:
    """Returns how dbt builds the dataset."""
    config = config_of(found)
    kept: dict[str, Any] = {key: config[key] for key in ("materialized", "access", "owner", "group") if config.get(key)}
    if kept.get("materialized") == "incremental":
        kept["incremental"] = _incremental(config)
    return facet("dbt_model", config=kept) if kept else {}


def exposed(found: Sequence[Node]) -> Facets:
    """Returns the exposures that use a dataset."""
    return facet("dbt_exposures", exposures=list(found)) if found else {}


def _incremental(config: Mapping[str, Any]) -> dict[str, Any]:
    strategy = config.get("incremental_strategy")
    # dbt gives every model a look-back; it means something for microbatches alone.
    keys = (*_INCREMENTAL, *(_MICROBATCH if strategy == "microbatch" else ()))
    lists = {key: _strings(config.get(key)) for key in ("unique_key", "incremental_predicates")}
    plain = {key: config.get(key) for key in keys}
    return {key: value for key, value in {"strategy": strategy, **lists, **plain}.items() if value is not None}


def _strings(value: object) -> list[str] | None:
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else None


def _described(columns: Mapping[str, Node], name: str) -> object:
    # The catalog has the engine's spelling, the project its author's.
    found = columns.get(name) or {key.lower(): column for key, column in columns.items()}.get(name.lower(), {})
    return found.get("description")


def _meta(found: Node) -> Mapping[str, Any]:
    return found.get("meta") or config_of(found).get("meta") or {}


def _spelled(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
