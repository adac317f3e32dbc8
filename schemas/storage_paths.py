"""Canonical spelling of paths in object stores and file systems.

The forms are those of OpenLineage's naming rules (its page "Naming Conventions"): a name in an object store is the
object key without slashes at its ends; a name in a file system is an absolute path.
"""

from __future__ import annotations

import re
from functools import lru_cache

_OBJECT_STORES = {
    "s3": "s3",
    "s3a": "s3",
    "s3n": "s3",
    "gs": "gs",
    "gcs": "gs",
    "abfs": "abfss",
    "abfss": "abfss",
    "wasb": "wasbs",
    "wasbs": "wasbs",
    "oss": "oss",
    "cos": "cos",
    "cosn": "cos",
}
"""The canonical scheme of each object store's schemes, which differ by driver and TLS.

`wasbs` and `abfss` stay separate: a name does not show whether a storage account has both endpoints.
"""

_FILE_SYSTEMS = frozenset({"file", "hdfs", "viewfs", "dbfs"})
_AZURE = frozenset({"abfss", "wasbs"})
_LOCAL_HOSTS = frozenset({"", "localhost"})

_NAMESPACE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)(?::(?://([^/]*))?(/.*)?)?")

SCHEMES = frozenset(_OBJECT_STORES) | _FILE_SYSTEMS
"""Schemes of namespaces whose datasets are paths."""


def scheme(namespace: str) -> str:
    """Returns the scheme of a namespace in lower case; for `file` alone, the namespace itself."""
    return namespace.partition(":")[0].lower()


def has_paths(namespace: str) -> bool:
    """True if the datasets of a namespace are paths; in a warehouse, which is itself a path, they are tables."""
    return _is_store(namespace, with_path=False)


def is_warehouse(namespace: str) -> bool:
    """True if a namespace is a path whose datasets are tables."""
    return _is_store(namespace, with_path=True)


@lru_cache(maxsize=4096)
def _is_store(namespace: str, *, with_path: bool) -> bool:
    match = _NAMESPACE.fullmatch(namespace)
    return match is not None and match[1].lower() in SCHEMES and bool((match[3] or "").strip("/")) == with_path


def canonical_path(namespace: str, name: str) -> tuple[str, str] | None:
    """Returns the canonical namespace and name of a path.

    A namespace with a path is a warehouse, and the name is that of a table in it.

    Returns:
        None if the namespace is neither an object store nor a file system.
    """
    match = _NAMESPACE.fullmatch(namespace)
    if match is None or match[1].lower() not in SCHEMES:
        return None
    kind, authority, base = match[1].lower(), match[2] or "", (match[3] or "").rstrip("/")
    if kind in _OBJECT_STORES:
        # Without a bucket, the namespace only happens to begin with a scheme's name.
        return (_store(_OBJECT_STORES[kind], authority) + base, _key(name)) if authority else None
    system = _file_system(kind, authority)
    if base:
        return system + ("" if "://" in system else ":") + base, name
    return system, _path(name, absolute=kind != "file")


def _store(kind: str, authority: str) -> str:
    # Azure containers and hosts are case-insensitive.
    return f"{kind}://{authority.lower() if kind in _AZURE else authority}"


def _file_system(kind: str, authority: str) -> str:
    if kind == "file" and authority.lower() in _LOCAL_HOSTS:
        return kind
    return f"{kind}://{authority}" if authority else kind


def _key(name: str) -> str:
    """Returns the key of an object; the name of a whole bucket is `/`."""
    return name.strip("/") or name[:1]


def _path(name: str, *, absolute: bool) -> str:
    """Removes empty segments from a path; paths on a server's file system become absolute."""
    if not name:
        return name
    segments = "/".join(segment for segment in name.split("/") if segment)
    return f"/{segments}" if absolute or name.startswith("/") else segments
