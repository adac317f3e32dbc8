"""dbt's manifest, from version 4 (dbt 1.0) on, as lineage needs it: nodes, what they read, their tables and SQL.

Newer versions are taken as they come: what is read here has kept its name since version 4, but for the SQL's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from emitter.dbt.artifact_times import EPOCH
from emitter.dbt.deferral import deferred
from emitter.dbt.project import Project, compiled_sql, is_ephemeral
from emitter.dbt.raw_sql import render
from emitter.errors import ArtifactError

__all__ = ["STORED", "Manifest", "Node", "config_of", "is_ephemeral", "kind_of", "table_of"]

Node = Mapping[str, Any]
"""A node or source as the manifest has it."""

OLDEST = 4
STORED = ("model", "seed", "snapshot")
"""Resource types that dbt makes tables or views of."""

COMPILED = "compiled"
"""The folder below the target folder in which dbt writes compiled SQL."""

_VERSION = re.compile(r"/manifest/v(\d+)")


class Manifest:
    """One project at one moment.

    Args:
        document: The parsed manifest.json; it is kept, not copied.

    Raises:
        ArtifactError: It is no manifest, or one of before dbt 1.0.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        metadata = document.get("metadata")
        self._metadata: Mapping[str, Any] = metadata if isinstance(metadata, Mapping) else {}
        version = _VERSION.search(str(self._metadata.get("dbt_schema_version")))
        if version is None or not isinstance(document.get("nodes"), Mapping):
            raise ArtifactError(
                "this is no dbt manifest, as metadata.dbt_schema_version or nodes is missing;"
                " name the folder that has manifest.json"
            )
        self.version = int(version[1])
        if self.version < OLDEST:
            raise ArtifactError(
                f"the manifest has version {self.version}; {OLDEST} is the oldest that is read: use dbt 1.0"
            )
        self.nodes: Mapping[str, Node] = document["nodes"]
        self.sources: Mapping[str, Node] = document.get("sources") or {}
        self._project = Project(document)

    @property
    def adapter(self) -> str:
        """The adapter's type, such as `athena`."""
        return str(self._metadata.get("adapter_type") or "")

    @property
    def dbt_version(self) -> str:
        """The version of dbt that wrote it."""
        return str(self._metadata.get("dbt_version") or "")

    @property
    def generated_at(self) -> str:
        """When it was written, RFC 3339."""
        return str(self._metadata.get("generated_at") or EPOCH)

    @property
    def started_at(self) -> str | None:
        """The start of the invocation that wrote it, RFC 3339; None before dbt-core 1.10."""
        found = self._metadata.get("invocation_started_at") or self._metadata.get("run_started_at")
        return str(found) if found else None

    @property
    def invocation_id(self) -> str:
        """The run of dbt that wrote it."""
        return str(self._metadata.get("invocation_id") or f"{self.project}/{self.generated_at}")

    @cached_property
    def project(self) -> str:
        """The project's name; before dbt 1.6 no manifest holds it, so there it is the package of most nodes."""
        if name := self._metadata.get("project_name"):
            return str(name)
        packages = Counter(str(node.get("package_name") or "") for node in self.nodes.values())
        return min(packages, key=lambda name: (-packages[name], name), default="")

    @property
    def groups(self) -> Mapping[str, Node]:
        """The project's groups by name."""
        return self._project.groups

    @property
    def exposures(self) -> Mapping[str, Sequence[Node]]:
        """The exposures that use a table, by its unique id, as the facet `dbt_exposures` has them."""
        return self._project.exposures

    def stored(self) -> list[str]:
        """Returns the unique ids of models, seeds and snapshots that are tables or views of this project, sorted."""
        found = (id_ for id_, node in self.nodes.items() if kind_of(id_) in STORED and not is_ephemeral(node))
        return sorted(id_ for id_ in found if not is_reference(self.nodes[id_]))

    def tests(self) -> list[str]:
        """Returns the unique ids of data tests, sorted."""
        return sorted(id_ for id_ in self.nodes if kind_of(id_) == "test")

    def node(self, unique_id: str) -> Node | None:
        """Returns a node or source."""
        return self.nodes.get(unique_id) or self.sources.get(unique_id)

    def parents(self, unique_id: str) -> list[str]:
        """The tables and views that a node reads, in the order of its dependencies, seen through ephemeral models."""
        return [parent for parent in self._project.parents(unique_id) if kind_of(parent) in (*STORED, "source")]

    def above(self, unique_id: str) -> Sequence[str]:
        """Returns the dependencies of a node or test, ephemeral models included."""
        return self._project.above(unique_id)

    def deferred(self, unique_id: str) -> Mapping[str, Node]:
        """Returns the parents that a node read in another environment, with their place there: those of `--defer`."""
        return deferred(self._project, unique_id, compiled_sql(self.nodes.get(unique_id, {})))

    def tested(self, unique_id: str) -> str | None:
        """Returns the node that a test is about; if it is unknown, the test's last input, as dbt-ol does."""
        parents = self.parents(unique_id)
        tested = self._project.tested(unique_id)
        return tested if tested in parents else parents[-1] if parents else None

    def sql(self, unique_id: str) -> str | None:
        """The compiled SQL of a node; where dbt has not compiled it, what can be put together without running Jinja.

        Returns:
            None for what is not SQL, and where Jinja does more than to name tables.
        """
        node = self.nodes.get(unique_id, {})
        if node.get("language", "sql") != "sql" or kind_of(unique_id) == "seed":
            return None
        return compiled_sql(node) or (render(self._project, unique_id, node) or "").strip() or None

    def is_without_compiled_sql(self, unique_id: str) -> bool:
        """True for a node that SQL makes and that dbt has not compiled."""
        return self._is_sql(unique_id) and compiled_sql(self.nodes[unique_id]) is None

    def without_sql(self) -> list[str]:
        """The unique ids of tables and views that SQL makes, whose SQL is neither here nor can be put together."""
        return [
            unique_id
            for unique_id in self.stored()
            if kind_of(unique_id) != "seed" and self._is_sql(unique_id) and self.sql(unique_id) is None
        ]

    def compiled_paths(self, unique_id: str) -> list[str]:
        """Paths below the target folder at which dbt writes a node's compiled SQL, the likeliest first."""
        node = self.nodes[unique_id]
        given, file, path = (_posix(node.get(key)) for key in ("compiled_path", "original_file_path", "path"))
        # The folder's name is the target's, which may have been renamed or copied since.
        found = [f"{COMPILED}/{given.partition(f'/{COMPILED}/')[2]}"] if f"/{COMPILED}/" in given else []
        if file:
            # Several nodes of one file have a file each, below a folder of its name.
            whole = file if file.rpartition("/")[2] == path.rpartition("/")[2] else f"{file}/{path}"
            found.append(f"{COMPILED}/{node.get('package_name') or self.project}/{whole}")
        return [each for each in dict.fromkeys(found) if ".." not in each.split("/")]

    def with_sql(self, sql: Mapping[str, str]) -> Manifest:
        """Returns a manifest with the compiled SQL of some nodes, by unique id; this one is not changed."""
        if not sql:
            return self
        nodes = {**self.nodes, **{id_: {**self.nodes[id_], "compiled_code": text} for id_, text in sql.items()}}
        return Manifest({**self.document, "nodes": nodes})

    def _is_sql(self, unique_id: str) -> bool:
        return bool(self.nodes[unique_id].get("language", "sql") == "sql")


def _posix(path: object) -> str:
    """Returns a path with slashes; dbt on Windows writes backslashes."""
    return str(path or "").replace("\\", "/")


def kind_of(unique_id: str) -> str:
    """Returns a node's resource type, which its unique id begins with."""
    return unique_id.partition(".")[0]


def is_reference(node: Node) -> bool:
    """True if a model is one of another project that this one refers to: it has a table and no file (dbt mesh)."""
    paths = ("original_file_path", "path")
    return all(key in node for key in paths) and not any(node[key] for key in paths)


def config_of(node: Node) -> Mapping[str, Any]:
    """Returns a node's resolved configuration; sources of old versions have none."""
    return node.get("config") or {}


def pointer_of(node: Node) -> str | None:
    """The name of the view that dbt-core 1.12 makes for the latest version of a model, which is no node of its own.

    None where it is not switched on for the model itself: no artifact has the project's flag for all models.
    """
    pointer = config_of(node).get("latest_version_pointer")
    if not isinstance(pointer, Mapping) or not pointer.get("enabled"):
        return None
    version = node.get("version")
    if version is None or str(version) != str(node.get("latest_version")):
        return None
    return str(pointer.get("alias") or node.get("name"))


def table_of(node: Node) -> tuple[str, ...]:
    """Returns the parts of the table's name: those of database, schema and table that are set."""
    table = node.get("identifier") or node.get("alias") or node.get("name")
    return tuple(str(part) for part in (node.get("database"), node.get("schema"), table) if part)
