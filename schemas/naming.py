"""Names of datasets: one spelling for those of known engines, and what their parts are.

Pure text: what would be a guess is not done here. That two names mean one dataset is said by symlinks and by
configuration. The forms are those of OpenLineage's naming rules (its page "Naming Conventions").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

Engine = Literal["glue", "athena", "redshift"]

REDSHIFT_PORT = 5439
_HTTPS_PORT = "443"

_GLUE = re.compile(r"arn:aws[a-z-]*:glue:[a-z0-9-]+:\d+", re.ASCII | re.IGNORECASE)
_SERVER = re.compile(
    r"(awsathena|redshift)://(\[[0-9a-f:.]+\]|[^\s/:?#@\[\]]+)(?::(\d{0,5}))?/*", re.ASCII | re.IGNORECASE
)
_RULES_FORM = re.compile(
    r"redshift://[^./]+\.[a-z]{2,}(?:-[a-z]+)?-(?:north|south|east|west|central)+-\d+:\d+", re.ASCII
)
_PARTS = re.compile(r'(?:"(?:[^"]|"")+"|[^".]+)(?:\.(?:"(?:[^"]|"")+"|[^".]+))*')
_PART = re.compile(r'"(?:[^"]|"")+"|[^".]+')
_PATH_SCHEMES = frozenset(
    {"abfs", "abfss", "dbfs", "file", "gs", "hdfs", "oss", "s3", "s3a", "s3n", "wasb", "wasbs"},
)
_GLUE_TABLE = "table"


class DatasetName(NamedTuple):
    """What names a dataset: the namespace of its source, and its name there."""

    namespace: str
    name: str


@lru_cache(maxsize=4096)
def engine(namespace: str) -> Engine | None:
    """Which known engine a namespace is of; None for all others."""
    if _GLUE.fullmatch(namespace):
        return "glue"
    server = _SERVER.fullmatch(namespace)
    if server is None:
        return None
    return "athena" if server[1].lower() == "awsathena" else "redshift"


@lru_cache(maxsize=16384)
def canonical(namespace: str, name: str) -> DatasetName:
    """A name in the one spelling of its engine; names of other engines as they are.

    Identifiers and hosts in lower case (Athena and Glue know no other, Redshift folds them unless a session asks it not
    to), quotes only where a part needs them, Redshift's port written out, Athena's left out.
    """
    kind = engine(namespace)
    if kind is None:
        return DatasetName(namespace, name)
    spelled = name.lower()
    if kind != "glue":
        found = _split(spelled)
        spelled = _join(found) if found is not None else spelled
    return DatasetName(_canonical_namespace(namespace), spelled)


def parts(name: DatasetName) -> tuple[str, ...] | None:
    """The parts of a known engine's table, canonical and without quotes.

    Returns:
        Glue's (database, table), Athena's (catalog, database, table), Redshift's (database, schema, table); None when
        the name is of no known engine or has not just these parts.
    """
    return _parts(engine(name.namespace), name.name.lower())


def build(namespace: str, parts: Sequence[str]) -> DatasetName | None:
    """The canonical name of a known engine's table, the reverse of `parts`.

    Returns:
        None when the namespace is of no known engine, or its tables have other parts than these.
    """
    kind = engine(namespace)
    known = tuple(part.lower() for part in parts)
    if kind is None:
        return None
    name = "/".join((_GLUE_TABLE, *known)) if kind == "glue" else _join(known)
    # A part that is empty, or that holds a slash in Glue, would come back as something else.
    return DatasetName(_canonical_namespace(namespace), name) if _parts(kind, name) == known else None


def last_part(name: DatasetName) -> str:
    """What people call a dataset: its table, file or topic, without what that is in."""
    known = parts(name)
    if known is not None:
        return known[-1]
    if "/" in name.name or name.namespace.partition(":")[0].lower() in _PATH_SCHEMES:
        segments: Sequence[str] = name.name.split("/")
    else:
        segments = _split(name.name) or name.name.split(".")
    return next((segment for segment in reversed(segments) if segment), name.name)


def is_rules_form(name: DatasetName) -> bool:
    """Whether a name's namespace is `redshift://{cluster}.{region}:{port}`, as opposed to an endpoint's host."""
    return _RULES_FORM.fullmatch(_canonical_namespace(name.namespace)) is not None


@lru_cache(maxsize=4096)
def _canonical_namespace(namespace: str) -> str:
    """The one spelling of a known engine's namespace; others as they are."""
    if _GLUE.fullmatch(namespace):
        return namespace.lower()
    server = _SERVER.fullmatch(namespace)
    if server is None:
        return namespace
    scheme, host, port = server[1].lower(), server[2].lower(), (server[3] or "").lstrip("0")
    if scheme == "redshift":
        return f"{scheme}://{host}:{port or REDSHIFT_PORT}"
    return f"{scheme}://{host}" + (f":{port}" if port and port != _HTTPS_PORT else "")


def _parts(kind: Engine | None, name: str) -> tuple[str, ...] | None:
    if kind is None:
        return None
    if kind == "glue":
        table, *found = name.split("/")
        return (
            tuple(found) if table == _GLUE_TABLE and len(found) == len(("database", "table")) and all(found) else None
        )
    split = _split(name)
    return split if split is not None and len(split) == len(("catalog", "schema", "table")) else None


def _split(text: str) -> tuple[str, ...] | None:
    """The parts between dots; dots in double quotes do not count. None when one is empty or the quotes do not match."""
    if '"' not in text:
        found = tuple(text.split("."))
        return found if all(found) else None
    if not _PARTS.fullmatch(text):
        return None
    return tuple(part[1:-1].replace('""', '"') if part[0] == '"' else part for part in _PART.findall(text))


def _join(found: Sequence[str]) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' if "." in part or '"' in part else part for part in found)
