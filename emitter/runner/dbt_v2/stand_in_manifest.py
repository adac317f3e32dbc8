"""A manifest that replaces one that dbt did not write: nodes from telemetry, and inputs from their SQL. Pure."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from emitter.dbt.manifest import kind_of, table_of
from emitter.refine.sql.sql_not_understood import reason_of
from emitter.runner.event_log import Message

log = logging.getLogger("emitter.runner")

Node = dict[str, Any]

_SCHEMA = "https://schemas.getdbt.com/dbt/manifest/v12.json"
_GENERIC_TEST_PARTS = 4
_FEWEST_PARTS = 2
_DATABASE_PARTS = 3


def empty(project: str, adapter: str) -> dict[str, Any]:
    """Returns a manifest without nodes."""
    metadata = {"dbt_schema_version": _SCHEMA, "project_name": project, "adapter_type": adapter}
    return {"metadata": metadata, "nodes": {}, "sources": {}}


def node_of(message: Message) -> Node:
    """Returns a node from telemetry: its table, materialization, checksum and compiled SQL."""
    reported: Mapping[str, Any] = message["node"]
    unique_id = str(message["data"]["node_info"]["unique_id"])
    parts = unique_id.split(".")
    made: Node = {
        "unique_id": unique_id,
        "resource_type": parts[0],
        "package_name": parts[1] if len(parts) > 1 else "",
        "name": reported.get("name") or parts[-1],
        "alias": reported.get("identifier") or parts[-1],
        "database": reported.get("database"),
        "schema": reported.get("schema"),
        "original_file_path": reported.get("relative_path"),
        "checksum": {"name": "sha256", "checksum": reported.get("node_checksum")},
        "config": {"materialized": _materialization(reported), **_severity(message)},
        "columns": {},
        "depends_on": {"nodes": []},
        "compiled_code": message.get("compiled_code"),
    }
    if parts[0] == "test" and len(parts) >= _GENERIC_TEST_PARTS:
        # Only a generic test's id ends with a hash.
        made["test_metadata"] = {"name": made["name"]}
    return made


def with_nodes(document: Mapping[str, Any], messages: Iterable[Message], dialect: str) -> dict[str, Any]:
    """Returns a manifest with more nodes, each of which depends on the tables that its SQL names.

    Args:
        document: The manifest.
        messages: The messages about the additional nodes.
        dialect: sqlglot's name of their SQL's dialect.
    """
    made = {node["unique_id"]: node for node in map(node_of, messages)}
    nodes, sources = {**document["nodes"], **made}, dict(document.get("sources") or {})
    by_table = {_folded(table_of(node)): id_ for id_, node in {**sources, **nodes}.items() if _is_table(id_)}
    for node in made.values():
        read = _read(node, dialect)
        for table in read:
            if _folded(table) not in by_table:
                source = _source(table, node["package_name"])
                by_table[_folded(table)] = source["unique_id"]
                sources[source["unique_id"]] = source
        parents = dict.fromkeys(by_table[_folded(table)] for table in read)
        node["depends_on"] = {"nodes": list(parents)}
        if "test_metadata" in node and parents:
            # A generic test names the tested table before the one that it compares with.
            node["attached_node"] = next(iter(parents))
    # The manifest's map of parents does not contain these nodes.
    kept = {key: value for key, value in document.items() if key != "parent_map"}
    return {**kept, "nodes": nodes, "sources": sources}


def _read(node: Node, dialect: str) -> list[tuple[str, ...]]:
    """Returns the tables that a node's SQL names besides its own, each with its database."""
    database = (str(node["database"]),) if node["database"] else ()
    found = tables_in(node["compiled_code"] or "", dialect)
    full = [table if len(table) >= _DATABASE_PARTS else (*database, *table) for table in found]
    return [table for table in full if _folded(table) != _folded(table_of(node))]


def tables_in(sql: str, dialect: str) -> Iterator[tuple[str, ...]]:
    """Yields the tables that a text names with their schema; a name of one part may be a CTE, and dbt writes none."""
    if not sql.strip():
        return
    try:
        from sqlglot import exp, parse  # noqa: PLC0415 # slow to import, and may be missing
        from sqlglot.errors import SqlglotError  # noqa: PLC0415
    except ImportError:
        log.warning("sqlglot is not installed, so the inputs of nodes are unknown: pip install sqlglot")
        return
    try:
        found = [table for tree in parse(sql, dialect=dialect) if tree for table in tree.find_all(exp.Table)]
    except (SqlglotError, RecursionError, ValueError) as error:
        log.debug("SQL of a node can't be read: %s", reason_of(error))
        return
    for table in found:
        parts = tuple(part.name for part in table.parts if isinstance(part, exp.Identifier))
        if len(parts) >= _FEWEST_PARTS:
            yield parts


def _source(table: tuple[str, ...], package: str) -> Node:
    database, schema, name = ("", *table)[-_DATABASE_PARTS:]
    return {
        "unique_id": f"source.{package}.{schema}.{name}",
        "resource_type": "source",
        "package_name": package,
        "source_name": schema,
        "name": name,
        "identifier": name,
        "database": database or None,
        "schema": schema,
        "columns": {},
    }


def _is_table(unique_id: str) -> bool:
    return kind_of(unique_id) in {"model", "seed", "snapshot", "source"}


def _folded(table: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.lower() for part in table)


def _severity(message: Message) -> dict[str, str]:
    """Returns the severity of a test, which follows from its outcome."""
    is_warning = message["data"]["node_info"].get("node_status") == "warn"
    return {"severity": "warn" if is_warning else "error"} if message["name"] == "NodeFinished" else {}


def _materialization(reported: Mapping[str, Any]) -> str:
    return str(reported.get("materialization") or "").removeprefix("NODE_MATERIALIZATION_").lower()
