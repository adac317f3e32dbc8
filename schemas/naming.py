"""Canonical spelling and parts of dataset names.

The rules only look at the text and never guess: symlinks and configuration state that two names are one dataset. The
forms are those of OpenLineage's naming rules (its page "Naming Conventions").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from schemas import storage_paths

Engine = Literal["glue", "athena", "redshift"]

REDSHIFT_PORT = 5439

SHORT = 600
"""Characters of a namespace and a name, together, up to which what was made of them is remembered.

A cache counts entries, and an event may name two thousand datasets with four thousand characters each.
"""

_HTTPS_PORT = "443"

_ARN = re.compile(r"arn:aws[a-z-]*:.+", re.ASCII | re.IGNORECASE)
_GLUE = re.compile(r"arn:aws[a-z-]*:glue:[a-z0-9-]+:\d+/*", re.ASCII | re.IGNORECASE)
_SERVER = re.compile(
    r"(awsathena|redshift)://(\[[0-9a-f:.]+\]|[^\s/:?#@\[\]]+)(?::(\d{0,5}))?/*", re.ASCII | re.IGNORECASE
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/]+/*")
_RULES_FORM = re.compile(
    r"redshift://[^./]+\.[a-z]{2,}(?:-[a-z]+)?-(?:north|south|east|west|central)+-\d+:\d+", re.ASCII
)
_PARTS = re.compile(r'(?:"(?:[^"]|"")+"|[^".]+)(?:\.(?:"(?:[^"]|"")+"|[^".]+))*')
_PART = re.compile(r'"(?:[^"]|"")+"|[^".]+')
_BACKTICKS = re.compile(r"(?:`[^`]+`|[^`.\"]+)(?:\.(?:`[^`]+`|[^`.\"]+))*")
_BACKTICK_PART = re.compile(r"`[^`]+`|[^`.]+")
_BRACKETS = re.compile(r"(?:\[[^\[\]]+\]|[^\[\].\"`]+)(?:\.(?:\[[^\[\]]+\]|[^\[\].\"`]+))*")
_BRACKET_PART = re.compile(r"\[[^\[\]]+\]|[^\[\].]+")
_BRACKET_SCHEMES = frozenset({"mssql", "sqlserver", "synapse", "fabric"})
_MARKS = frozenset("`[]")
_SQL = frozenset(
    {"awsathena", "bigquery", "clickhouse", "cratedb", "databricks", "db2", "duckdb", "hive", "mysql", "oceanbase"}
    | {"oracle", "postgres", "postgresql", "presto", "redshift", "snowflake", "spanner", "sqlite", "teradata", "trino"}
    | {"unity-catalog", "vertica"}
    | _BRACKET_SCHEMES
)
_NO_SQL = frozenset(
    {"amqp", "elasticsearch", "kafka", "kinesis", "mongodb", "mqtt", "nats", "opensearch", "pubsub", "pulsar", "sqs"}
)
"""Schemes of messages and documents, in whose names a dot does not separate parts."""
_GLUE_TABLE = "table"
_OWN_CATALOG = "awsdatacatalog"
"""Athena's name of its account's Glue catalog, the default catalog of a name."""


class DatasetName(NamedTuple):
    """The namespace and name of a dataset."""

    namespace: str
    name: str


@lru_cache(maxsize=4096)
def engine(namespace: str) -> Engine | None:
    """Returns the known engine of a namespace; None for other namespaces."""
    if _GLUE.fullmatch(namespace):
        return "glue"
    server = _SERVER.fullmatch(namespace)
    if server is None:
        return None
    return "athena" if server[1].lower() == "awsathena" else "redshift"


def canonical(namespace: str, name: str) -> DatasetName:
    """Returns the canonical spelling of a name.

    Known engines: identifiers and hosts in lower case (Athena and Glue have no others, Redshift folds them by default),
    quotes only where a part needs them, Redshift's port explicit, Athena's omitted, Athena's own catalog explicit.
    Paths: as in `schemas.storage_paths`. Others: without unnecessary quotes; the case is kept, because engines differ
    in folding it.
    """
    make = _canonical if len(namespace) + len(name) <= SHORT else _canonical.__wrapped__
    return make(namespace, name)


@lru_cache(maxsize=4_096)
def _canonical(namespace: str, name: str) -> DatasetName:
    kind = engine(namespace)
    if kind is not None:
        return DatasetName(_canonical_namespace(namespace), _of_engine(kind, name.lower()))
    path = storage_paths.canonical_path(namespace, name)
    if path is not None:
        return DatasetName(*path)
    return DatasetName(_canonical_namespace(namespace), _unquoted(namespace, name))


def _of_engine(kind: Engine, name: str) -> str:
    if kind == "glue":
        return name.strip("/")
    found = _split(name)
    if found is None:
        return name
    is_completed = kind == "athena" and len(found) == len(("database", "table"))
    return _join((_OWN_CATALOG, *found) if is_completed else found)


def _unquoted(namespace: str, name: str) -> str:
    """Returns a name without quotes that no part needs: double quotes, backticks, or SQL Server's brackets."""
    found = _inside_quotes(namespace, name)
    if found is None:
        return name
    bare = _join(found)
    if '"' in bare or _inside_quotes(namespace, bare) is None:
        return bare
    # A part that itself looks quoted, as `"[a]"` is, would be taken for another name without its quotes.
    return ".".join(_quoted(part) if _MARKS.intersection(part) else part for part in found)


def _inside_quotes(namespace: str, name: str) -> Sequence[str] | None:
    """Returns the parts of a name that has quotes; None if it has none, or they do not match."""
    if '"' in name:
        return _split(name)
    if "`" in name and _BACKTICKS.fullmatch(name):
        inner = [part.strip("`") for part in _BACKTICK_PART.findall(name)]
        # BigQuery quotes a whole path as well as its parts.
        return ".".join(inner).split(".") if storage_paths.scheme(namespace) == "bigquery" else inner
    if "[" in name and storage_paths.scheme(namespace) in _BRACKET_SCHEMES and _BRACKETS.fullmatch(name):
        return [part.strip("[]") for part in _BRACKET_PART.findall(name)]
    return None


def parts(name: DatasetName) -> tuple[str, ...] | None:
    """Returns the canonical, unquoted parts of a known engine's table.

    Returns:
        Glue's (database, table), Athena's (catalog, database, table), Redshift's (database, schema, table); None if the
        engine is unknown or the name has other parts.
    """
    make = _parts_of if len(name.namespace) + len(name.name) <= SHORT else _parts_of.__wrapped__
    return make(name)


@lru_cache(maxsize=4_096)
def _parts_of(name: DatasetName) -> tuple[str, ...] | None:
    kind = engine(name.namespace)
    return None if kind is None else _parts(kind, _of_engine(kind, name.name.lower()))


def sql_parts(name: DatasetName) -> tuple[str, ...] | None:
    """Returns the unquoted parts of a table's name in any SQL engine; None for paths, topics and other names."""
    known = parts(name)
    if known is not None:
        return known
    if "/" in name.name or storage_paths.has_paths(name.namespace) or storage_paths.scheme(name.namespace) in _NO_SQL:
        return None
    return _split(name.name)


def is_sql(namespace: str) -> bool:
    """True if a namespace is certainly that of a SQL engine."""
    return engine(namespace) is not None or storage_paths.scheme(namespace) in _SQL


def build(namespace: str, parts: Sequence[str]) -> DatasetName | None:
    """Returns the canonical name of a known engine's table, the reverse of `parts`.

    Returns:
        None if the engine is unknown, or if its tables have other parts.
    """
    kind = engine(namespace)
    known = tuple(part.lower() for part in parts)
    if kind is None:
        return None
    name = "/".join((_GLUE_TABLE, *known)) if kind == "glue" else _join(known)
    # An empty part, or a slash in a part of Glue, would be parsed differently.
    return DatasetName(_canonical_namespace(namespace), name) if _parts(kind, name) == known else None


def last_part(name: DatasetName) -> str:
    """Returns the short name of a dataset: its table, file or topic, without the container."""
    known = parts(name)
    if known is not None:
        return known[-1]
    if "/" in name.name or storage_paths.has_paths(name.namespace):
        segments: Sequence[str] = name.name.split("/")
    else:
        segments = _split(name.name) or name.name.split(".")
    return next((segment for segment in reversed(segments) if segment), name.name)


def is_rules_form(name: DatasetName) -> bool:
    """True if a name's namespace is `redshift://{cluster}.{region}:{port}` rather than an endpoint's host."""
    return _RULES_FORM.fullmatch(_canonical_namespace(name.namespace)) is not None


@lru_cache(maxsize=4096)
def _canonical_namespace(namespace: str) -> str:
    """Returns the canonical namespace of a known engine; other namespaces without trailing slashes."""
    if _GLUE.fullmatch(namespace):
        return namespace.rstrip("/").lower()
    server = _SERVER.fullmatch(namespace)
    if server is None:
        return namespace.rstrip("/") if _ARN.fullmatch(namespace) or _URL.fullmatch(namespace) else namespace
    scheme, host, port = server[1].lower(), server[2].lower(), (server[3] or "").lstrip("0")
    if scheme == "redshift":
        return f"{scheme}://{host}:{port or REDSHIFT_PORT}"
    return f"{scheme}://{host}" + (f":{port}" if port and port != _HTTPS_PORT else "")


def _parts(kind: Engine, name: str) -> tuple[str, ...] | None:
    if kind == "glue":
        prefix, *segments = name.split("/")
        is_table = prefix == _GLUE_TABLE and len(segments) == len(("database", "table")) and all(segments)
        return tuple(segments) if is_table else None
    split = _split(name)
    return split if split is not None and len(split) == len(("catalog", "schema", "table")) else None


def _split(text: str) -> tuple[str, ...] | None:
    """Splits a name at unquoted dots; returns None if a part is empty or the quotes do not match."""
    if '"' not in text:
        found = tuple(text.split("."))
        return found if all(found) else None
    if not _PARTS.fullmatch(text):
        return None
    return tuple(part[1:-1].replace('""', '"') if part[0] == '"' else part for part in _PART.findall(text))


def _join(found: Sequence[str]) -> str:
    return ".".join(_quoted(part) if "." in part or '"' in part else part for part in found)


def _quoted(part: str) -> str:
    return '"' + part.replace('"', '""') + '"'
