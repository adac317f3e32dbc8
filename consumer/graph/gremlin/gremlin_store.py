"""The Gremlin store: Neptune, or any TinkerPop 3.7 server."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import structlog
from gremlin_python.process.traversal import T

from consumer.graph.gremlin import traversals
from consumer.graph.gremlin.connection import Conflict, GremlinConnection, TooMuch
from consumer.graph.gremlin.deadline import Patience
from consumer.graph.gremlin.endpoint import Address
from consumer.graph.store import Change, Direction, Edge, Properties, Vertex

_log = structlog.get_logger(__name__)


def open_gremlin(url: str, patience: Patience | None = None, stop: threading.Event | None = None) -> GremlinStore:
    """A store on the server of a graph URL; it connects with the first request.

    Args:
        url: `ws://host:8182/gremlin`, `wss://...` or `neptune://host:8182?region=us-east-1`.
        patience: How long what can't be served now is tried again.
        stop: Set by a request to stop, after which no request takes longer than the patience lasts.

    Raises:
        UsageError: The URL can't be read.
    """
    return GremlinStore(GremlinConnection(Address.parse(url), patience or Patience(), stop))


class GremlinStore:
    """A property graph on a Gremlin server."""

    def __init__(self, connection: GremlinConnection) -> None:
        self._connection = connection

    def ping(self) -> None:
        """Asks the server something cheap.

        Raises:
            TransientError: It can't be reached or does not serve.
        """
        self._connection.submit(traversals.ping())

    def read(self, ids: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """The properties of vertices, by id; those named, or all."""
        found: dict[str, Properties] = {}
        for some in traversals.chunks(ids):
            for item in self._connection.submit(traversals.read(some, keys)):
                found[item[T.id]] = traversals.properties_of(item)
        return found

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Does changes, a group in a request; returns the owners of those that were not done.

        A group that is too much for the server at once is divided. So is one that does not fit what is in the graph,
        until the change that does not fit is found.
        """
        failed: set[str] = set()
        waiting = deque(traversals.requests(changes))
        while waiting:
            groups = tuple(waiting)
            answers = self._connection.submit_all((traversals.write(group), len(group) > 1) for group in groups)
            try:
                for group, answer in zip(groups, answers, strict=True):
                    failed |= _undone(group, answer)
                    waiting.popleft()
            except TooMuch as error:
                group = waiting.popleft()
                middle = len(group) // 2
                waiting.extendleft((group[middle:], group[:middle]))
                _log.info("request divided", changes=len(group), reason=str(error))
            except Conflict:
                group = waiting.popleft()
                if len(group) == 1:
                    failed.add(group[0].owner.id)
                    waiting = _without(waiting, group[0].owner.id)
                else:
                    middle = len(group) // 2
                    waiting.extendleft((group[middle:], group[:middle]))
        return failed

    def edges_at(self, ids: Collection[str], label: str, direction: Direction) -> list[Edge]:
        """The edges of a label that leave or enter vertices."""
        return [
            traversals.edge_of(item)
            for some in traversals.chunks(ids)
            for item in self._connection.submit(traversals.edges_at(some, label, direction))
        ]

    def vertices(self, label: str) -> Iterator[Vertex]:
        """All vertices of a label."""
        for item in self._connection.submit(traversals.vertices(label)):
            yield Vertex(item[T.id], label, traversals.properties_of(item))

    def ids(self, label: str, after: str, count: int) -> list[str]:
        """The first ids of vertices of a label after a given one, in their order."""
        return [str(id_) for id_ in self._connection.submit(traversals.ids(label, after, count))]

    def edges(self, label: str) -> Iterator[Edge]:
        """All edges of a label."""
        for item in self._connection.submit(traversals.edges(label)):
            yield traversals.edge_of(item)

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()


def _without(waiting: Iterable[Sequence[Change]], owner: str) -> deque[Sequence[Change]]:
    """Groups without the changes of an owner, of which one before them was not done."""
    left = ([change for change in group if change.owner.id != owner] for group in waiting)
    return deque(group for group in left if group)


def _undone(group: Sequence[Change], answer: Sequence[Mapping[str, Any]]) -> set[str]:
    """The owners of a group whose token is not what the last of their changes gives them."""
    tokens = {item["id"]: item["token"] for item in answer}
    wanted = {change.owner.id: change.token.value for change in group}
    return {owner for owner, token in wanted.items() if tokens.get(owner) != token}
