"""The Gremlin store: Neptune, or any TinkerPop 3.7 server."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import structlog
from gremlin_python.process.traversal import T

from consumer.graph.gremlin import traversals
from consumer.graph.gremlin.connection import Conflict, GremlinConnection, RequestTooLarge
from consumer.graph.gremlin.deadline import RetryPolicy
from consumer.graph.gremlin.endpoint import Address
from consumer.graph.store import Change, Direction, Edge, Properties, Vertex

_log = structlog.get_logger(__name__)


def open_gremlin(
    url: str, retry_policy: RetryPolicy | None = None, stop: threading.Event | None = None
) -> GremlinStore:
    """Returns a store on the server of a graph URL, which connects on the first request.

    Args:
        url: `ws://host:8182/gremlin`, `wss://...` or `neptune://host:8182?region=us-east-1`.
        retry_policy: Retry policy of requests; None for the default.
        stop: Set by a request to stop, after which no request outlasts the retry policy's deadline.

    Raises:
        UsageError: The URL is not a valid graph URL.
    """
    return GremlinStore(GremlinConnection(Address.parse(url), retry_policy or RetryPolicy(), stop))


class GremlinStore:
    """A property graph on a Gremlin server."""

    def __init__(self, connection: GremlinConnection) -> None:
        self._connection = connection

    def read(self, ids: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """Returns the named properties of vertices, or all, by id."""
        by_id: dict[str, Properties] = {}
        for chunk in traversals.chunks(ids):
            for item in self._connection.submit(traversals.read(chunk, keys)):
                by_id[item[T.id]] = traversals.properties_of(item)
        return by_id

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Applies changes, a group per request; returns the owners of changes that were not applied.

        A group that exceeds the server's limits is split. A group with a conflict is split too, until the conflicting
        change is alone.
        """
        failed: set[str] = set()
        pending = deque(traversals.requests(changes))
        while pending:
            try:
                self._write_pending(pending, failed)
            except RequestTooLarge as error:
                _log.info("request divided", changes=len(pending[0]), reason=str(error))
                _split_first(pending)
            except Conflict:
                if len(pending[0]) > 1:
                    _split_first(pending)
                    continue
                owner = pending[0][0].owner.id
                failed.add(owner)
                # Later changes of the same owner depend on this one.
                pending = _without_owner(pending, owner)
        return failed

    def _write_pending(self, pending: deque[Sequence[Change]], failed: set[str]) -> None:
        """Sends groups in order; after an error, the group that caused it is the first pending one."""
        groups = tuple(pending)
        responses = self._connection.submit_all((traversals.write(group), len(group) > 1) for group in groups)
        for group, response in zip(groups, responses, strict=True):
            failed |= _unapplied(group, response)
            pending.popleft()

    def edges_at(self, ids: Collection[str], label: str, direction: Direction) -> list[Edge]:
        """Returns the edges of a label that leave or enter vertices."""
        return [
            traversals.edge_of(item)
            for chunk in traversals.chunks(ids)
            for item in self._connection.submit(traversals.edges_at(chunk, label, direction))
        ]

    def vertices(self, label: str) -> Iterator[Vertex]:
        """Yields all vertices of a label."""
        for item in self._connection.submit(traversals.vertices(label)):
            yield Vertex(item[T.id], label, traversals.properties_of(item))

    def ids(self, label: str, after: str, count: int) -> list[str]:
        """Returns the first ids of vertices of a label after a given id, in order."""
        return [str(id_) for id_ in self._connection.submit(traversals.ids(label, after, count))]

    def edges(self, label: str) -> Iterator[Edge]:
        """Yields all edges of a label."""
        for item in self._connection.submit(traversals.edges(label)):
            yield traversals.edge_of(item)

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()


def _split_first(pending: deque[Sequence[Change]]) -> None:
    """Replaces the first pending group by its two halves."""
    group = pending.popleft()
    middle = len(group) // 2
    pending.extendleft((group[middle:], group[:middle]))


def _without_owner(pending: Iterable[Sequence[Change]], owner: str) -> deque[Sequence[Change]]:
    """Returns the groups without the changes of an owner."""
    remaining: deque[Sequence[Change]] = deque()
    for group in pending:
        others = [change for change in group if change.owner.id != owner]
        if others:
            remaining.append(others)
    return remaining


def _unapplied(group: Sequence[Change], response: Sequence[Mapping[str, Any]]) -> set[str]:
    """Returns the owners of a group whose token differs from that of their last change."""
    tokens = {item["id"]: item["token"] for item in response}
    expected = {change.owner.id: change.token.value for change in group}
    return {owner for owner, token in expected.items() if tokens.get(owner) != token}
