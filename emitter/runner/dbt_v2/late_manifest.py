"""Live lineage of dbt v2, which writes its manifest last: each node waits for a manifest that matches it.

A node whose code, location and parents match an earlier manifest is reported at once. For any other node, the START is
reported at once, and its end when dbt has written the manifest of this invocation; without one, from its SQL alone.
"""

import logging
from collections.abc import Callable, Container, Iterator
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from emitter.dbt.manifest import Manifest, Node, config_of, kind_of, table_of
from emitter.dbt.node_events import Event
from emitter.dbt.project import PRE_AND_POST, Project
from emitter.runner.dbt_v2 import stand_in_manifest
from emitter.runner.event_log import Message
from emitter.runner.invocation_events import InvocationEvents
from emitter.runner.node_runs import STORED
from schemas.counted import counted

log = logging.getLogger("emitter.runner")

Document = dict[str, Any]
FindManifest = Callable[[str | None], Document | None]
"""Reads the manifest of this invocation, at the path that dbt reports, else in the target folder."""

_WAITING = STORED | {"test", "source"}
_SKIPPED = "NODE_OUTCOME_SKIPPED"
_OF_NODE = ("database", "schema", "alias", "description", "columns", "tags", "meta", "checksum")
_OF_CONFIG = ("materialized", "tags", "meta", "access", "group", "owner", "incremental_strategy", "unique_key")
_HOOKS = tuple(chain.from_iterable(PRE_AND_POST))


class LateManifest:
    """Passes the messages of nodes to the events of their invocation once there is a manifest that matches them.

    Args:
        invocation: Makes the events.
        project: The message `Project`.
        earlier: The manifest of an earlier run.
        find: Reads the manifest of this run.
    """

    def __init__(
        self, invocation: InvocationEvents, project: Message, earlier: Document | None, find: FindManifest
    ) -> None:
        self._invocation, self._find = invocation, find
        self._name, self._adapter = str(project["project_name"]), str(project["profile"].get("type") or "")
        self._document = earlier or stand_in_manifest.empty(self._name, self._adapter)
        self._manifest = Manifest(self._document)
        self._is_final = False
        self._fit: dict[str, bool] = {}
        self._held: list[Message] = []
        self._reported: dict[str, Message] = {}
        self._completed: Message | None = None
        self._broken = 0

    def begin(self, project: Message) -> Iterator[Event]:
        """Yields the START of dbt's own run."""
        yield from self._invocation.take(project)
        self._invocation.load_manifest(self._document)

    def take(self, message: Message) -> Iterator[Event]:
        """Yields the events of a message."""
        if message["name"] in {"NodeExecuting", "NodeFinished"}:
            yield from self._node(message)
        elif message["name"] == "CommandCompleted" and not self._is_final:
            # An interrupted dbt writes its manifest after this message.
            self._completed = message
        elif message["name"] == "ArtifactWritten" and message["data"]["artifact_type"] == "WritableManifest":
            yield from self._adopt(self._find(message["data"]["artifact_path"]))
        else:
            yield from self._invocation.take(message)

    def end(self) -> Iterator[Event]:
        """Yields the remaining events when dbt has ended."""
        if not self._is_final:
            yield from self._adopt(self._find(None))
        if self._held:
            yield from self._emit_by_sql()
        if self._completed is not None:
            yield from self._invocation.take(self._completed)
        yield from self._invocation.end()

    def _node(self, message: Message) -> Iterator[Event]:
        unique_id = _id(message)
        if self._is_final or kind_of(unique_id) not in _WAITING or self._fits(message):
            if message["name"] == "NodeFinished" and kind_of(unique_id) in STORED and not self._is_final:
                self._reported[unique_id] = message
            yield from self._invocation.take(message)
        elif message["name"] == "NodeExecuting" and kind_of(unique_id) in STORED:
            node = stand_in_manifest.node_of(message)
            if node["config"]["materialized"] != "ephemeral":
                document = stand_in_manifest.empty(self._name, self._adapter)
                yield from self._invocation.start_early({**document, "nodes": {unique_id: node}}, message)
        else:
            self._held.append(message)

    def _fits(self, message: Message) -> bool:
        """True if the earlier manifest has this node as it runs now; decided once per node."""
        unique_id = _id(message)
        if unique_id not in self._fit:
            # A parent that has changed may have other columns than in the earlier manifest.
            changed = any(not self._fit.get(parent, True) for parent in self._manifest.parents(unique_id))
            self._fit[unique_id] = not changed and _is_as_before(self._manifest, unique_id, message)
        return self._fit[unique_id]

    def _adopt(self, document: Document | None) -> Iterator[Event]:
        """Continues with the manifest of this invocation: yields waiting events, and repeats those that differ."""
        if document is None:
            return
        before, self._manifest = self._manifest, Manifest(document)
        self._document, self._is_final = document, True
        self._invocation.load_manifest(document)
        yield from self._release()
        old, new = _Essence(before), _Essence(self._manifest)
        for unique_id, message in self._reported.items():
            if old.of(unique_id, self._reported) != new.of(unique_id, self._reported):
                yield from self._isolate_errors(self._invocation.repeat_end(message, _after(message["ts"])))
        self._reported.clear()

    def _emit_by_sql(self) -> Iterator[Event]:
        latest = {_id(message): message for message in self._held}
        log.warning("dbt wrote no manifest of this run: inputs of %s are from SQL alone", counted(len(latest), "node"))
        dialect = Project(self._document).dialect or self._adapter
        self._invocation.load_manifest(stand_in_manifest.with_nodes(self._document, latest.values(), dialect))
        yield from self._release()

    def _release(self) -> Iterator[Event]:
        held, self._held = self._held, []
        for message in held:
            yield from self._isolate_errors(self._invocation.take(message))

    def _isolate_errors(self, events: Iterator[Event]) -> Iterator[Event]:
        """Yields the events of one message; an error costs no other message's events."""
        try:
            yield from events
        except Exception as error:  # as at the top of the worker's loop, of which this is a part
            self._broken += 1
            if self._broken == 1:
                log.warning("lineage of a node is missing: %s: %s", type(error).__name__, error)
                log.debug("traceback:", exc_info=error)


def _is_as_before(manifest: Manifest, unique_id: str, message: Message) -> bool:
    kind, reported = kind_of(unique_id), message["node"]
    node = manifest.nodes.get(unique_id)
    if node is None or (_checksum(node) or None) != (reported.get("node_checksum") or None):
        return False
    if kind != "test" and table_of(node) != _table_of(reported):
        return False
    if kind == "seed" or reported.get("node_outcome") == _SKIPPED:
        # Without SQL, its inputs can't be compared.
        return True
    sql = message.get("compiled_code") or ""
    return all(_is_named(manifest.node(parent), sql) for parent in manifest.parents(unique_id))


def _is_named(parent: Node | None, sql: str) -> bool:
    """True if the SQL reads the parent at its location in the manifest."""
    relation = (parent or {}).get("relation_name")
    return bool(relation) and str(relation) in sql


def _checksum(node: Node) -> str | None:
    found = node.get("checksum")
    return found.get("checksum") if isinstance(found, dict) else None


def _table_of(reported: Node) -> tuple[str, ...]:
    return tuple(str(reported[key]) for key in ("database", "schema", "identifier") if reported.get(key))


class _Essence:
    """The parts of a manifest's nodes that events contain."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest

    def of(self, unique_id: str, reported: Container[str]) -> list[Any]:
        """Returns a value that differs if the events of a node would differ.

        Args:
            unique_id: The node.
            reported: The nodes with their own events, which contain their descriptions.
        """
        node = self._manifest.nodes.get(unique_id) or {}
        config = config_of(node)
        return [
            [node.get(key) or None for key in _OF_NODE],
            [config.get(key) or None for key in (*_OF_CONFIG, *_HOOKS)],
            [self._as_parent(parent, described=parent not in reported) for parent in self._manifest.parents(unique_id)],
            self._manifest.exposures.get(unique_id),
        ]

    def _as_parent(self, unique_id: str, *, described: bool) -> list[Any]:
        node = self._manifest.node(unique_id) or {}
        return [table_of(node), node.get("columns") or None, described and node.get("description")]


def _after(time: str) -> str:
    """Returns a time that is a microsecond later, so that of two events of one run this one wins."""
    return (datetime.fromisoformat(time) + timedelta(microseconds=1)).isoformat().replace("+00:00", "Z")


def _id(message: Message) -> str:
    return str(message["data"]["node_info"]["unique_id"])
