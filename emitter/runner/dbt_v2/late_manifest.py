"""Lineage of dbt v2 while it runs: its manifest comes last, so each node waits for one that fits it.

A node whose code, place and parents are those of an earlier manifest is told at once. Of any other the start is told,
and the end when dbt has written the manifest of this invocation; if it writes none, by its SQL alone.
"""

import logging
from collections.abc import Callable, Container, Iterator
from datetime import datetime, timedelta
from typing import Any

from emitter.dbt.manifest import Manifest, Node, config_of, kind_of, table_of
from emitter.dbt.node_events import Event
from emitter.dbt.project import Project
from emitter.runner.dbt_v2 import stand_in_manifest
from emitter.runner.event_log import Message
from emitter.runner.invocation import Story
from emitter.runner.node_runs import STORED

log = logging.getLogger("emitter.runner")

Document = dict[str, Any]
FindManifest = Callable[[str | None], Document | None]
"""Reads the manifest of this invocation, at the path that dbt says or else where it should be."""

_WAITING = STORED | {"test", "source"}
_SKIPPED = "NODE_OUTCOME_SKIPPED"
_OF_NODE = ("database", "schema", "alias", "description", "columns", "tags", "meta", "checksum")
_OF_CONFIG = ("materialized", "tags", "meta", "access", "group", "owner", "incremental_strategy", "unique_key")


class LateManifest:
    """Gives a story the messages of nodes when there is a manifest that fits them.

    Args:
        story: Makes the events.
        project: The message `Project`.
        earlier: The manifest that an earlier run has left.
        find: Reads the manifest of this one.
    """

    def __init__(self, story: Story, project: Message, earlier: Document | None, find: FindManifest) -> None:
        self._story, self._find = story, find
        self._name, self._adapter = str(project["project_name"]), str(project["profile"].get("type") or "")
        self._document = earlier or stand_in_manifest.empty(self._name, self._adapter)
        self._manifest = Manifest(self._document)
        self._is_final = False
        self._fit: dict[str, bool] = {}
        self._held: list[Message] = []
        self._told: dict[str, Message] = {}
        self._completed: Message | None = None
        self._broken = 0

    def begin(self, project: Message) -> Iterator[Event]:
        """The start of dbt's own run."""
        yield from self._story.take(project)
        self._story.meet(self._document)

    def take(self, message: Message) -> Iterator[Event]:
        """The events that follow from a message."""
        if message["name"] in {"NodeExecuting", "NodeFinished"}:
            yield from self._node(message)
        elif message["name"] == "CommandCompleted" and not self._is_final:
            # When dbt was interrupted, it writes its manifest only after this.
            self._completed = message
        elif message["name"] == "ArtifactWritten" and message["data"]["artifact_type"] == "WritableManifest":
            yield from self._adopt(self._find(message["data"]["artifact_path"]))
        else:
            yield from self._story.take(message)

    def end(self) -> Iterator[Event]:
        """What is left when dbt has ended."""
        if not self._is_final:
            yield from self._adopt(self._find(None))
        if self._held:
            yield from self._tell_by_sql()
        if self._completed is not None:
            yield from self._story.take(self._completed)
        yield from self._story.end()

    def _node(self, message: Message) -> Iterator[Event]:
        unique_id = _id(message)
        if self._is_final or kind_of(unique_id) not in _WAITING or self._fits(message):
            if message["name"] == "NodeFinished" and kind_of(unique_id) in STORED and not self._is_final:
                self._told[unique_id] = message
            yield from self._story.take(message)
        elif message["name"] == "NodeExecuting" and kind_of(unique_id) in STORED:
            node = stand_in_manifest.node_of(message)
            if node["config"]["materialized"] != "ephemeral":
                document = stand_in_manifest.empty(self._name, self._adapter)
                yield from self._story.announce({**document, "nodes": {unique_id: node}}, message)
        else:
            self._held.append(message)

    def _fits(self, message: Message) -> bool:
        """True if the earlier manifest has this node as it runs now; decided once for each."""
        unique_id = _id(message)
        if unique_id not in self._fit:
            # The columns of a parent that has changed are not those of the earlier manifest either.
            changed = any(not self._fit.get(parent, True) for parent in self._manifest.parents(unique_id))
            self._fit[unique_id] = not changed and _is_as_before(self._manifest, unique_id, message)
        return self._fit[unique_id]

    def _adopt(self, document: Document | None) -> Iterator[Event]:
        """Goes on with the manifest of this invocation, and tells what has waited for it or differs by it."""
        if document is None:
            return
        before, self._manifest = self._manifest, Manifest(document)
        self._document, self._is_final = document, True
        self._story.meet(document)
        yield from self._release()
        old, new = _Essence(before), _Essence(self._manifest)
        for unique_id, message in self._told.items():
            if old.of(unique_id, self._told) != new.of(unique_id, self._told):
                yield from self._careful(self._story.again(message, _after(message["ts"])))
        self._told.clear()

    def _tell_by_sql(self) -> Iterator[Event]:
        latest = {_id(message): message for message in self._held}
        log.warning("dbt wrote no manifest of this run: what %d nodes read is told by their SQL alone", len(latest))
        dialect = Project(self._document).dialect or self._adapter
        self._story.meet(stand_in_manifest.with_nodes(self._document, latest.values(), dialect))
        yield from self._release()

    def _release(self) -> Iterator[Event]:
        held, self._held = self._held, []
        for message in held:
            yield from self._careful(self._story.take(message))

    def _careful(self, events: Iterator[Event]) -> Iterator[Event]:
        """The events of one message; what breaks them costs no other's."""
        try:
            yield from events
        except Exception as error:  # as at the top of the worker's loop, which this stands in for
            self._broken += 1
            if self._broken == 1:
                log.warning("no lineage of a node that has run: %s: %s", type(error).__name__, error)
                log.debug("it was here:", exc_info=error)


def _is_as_before(manifest: Manifest, unique_id: str, message: Message) -> bool:
    kind, told = kind_of(unique_id), message["node"]
    node = manifest.nodes.get(unique_id)
    if node is None or (_checksum(node) or None) != (told.get("node_checksum") or None):
        return False
    if kind != "test" and table_of(node) != _table_of(told):
        return False
    if kind == "seed" or told.get("node_outcome") == _SKIPPED:
        # There is no SQL that could show what it reads.
        return True
    sql = message.get("compiled_code") or ""
    return all(_is_named(manifest.node(parent), sql) for parent in manifest.parents(unique_id))


def _is_named(parent: Node | None, sql: str) -> bool:
    """True if the SQL that runs reads the parent where the manifest has it."""
    relation = (parent or {}).get("relation_name")
    return bool(relation) and str(relation) in sql


def _checksum(node: Node) -> str | None:
    found = node.get("checksum")
    return found.get("checksum") if isinstance(found, dict) else None


def _table_of(told: Node) -> tuple[str, ...]:
    return tuple(str(told[key]) for key in ("database", "schema", "identifier") if told.get(key))


class _Essence:
    """What events tell of the nodes of a manifest."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest

    def of(self, unique_id: str, told: Container[str]) -> list[Any]:
        """A value that differs where the events of a node would.

        Args:
            unique_id: The node.
            told: The nodes that have events of their own, which tell what describes them.
        """
        node = self._manifest.nodes.get(unique_id) or {}
        config = config_of(node)
        return [
            [node.get(key) or None for key in _OF_NODE],
            [config.get(key) or None for key in _OF_CONFIG],
            [self._as_parent(parent, described=parent not in told) for parent in self._manifest.parents(unique_id)],
            self._manifest.exposures.get(unique_id),
        ]

    def _as_parent(self, unique_id: str, *, described: bool) -> list[Any]:
        node = self._manifest.node(unique_id) or {}
        return [table_of(node), node.get("columns") or None, described and node.get("description")]


def _after(time: str) -> str:
    """A microsecond later, so that of two events of one run this one counts."""
    return (datetime.fromisoformat(time) + timedelta(microseconds=1)).isoformat().replace("+00:00", "Z")


def _id(message: Message) -> str:
    return str(message["data"]["node_info"]["unique_id"])
