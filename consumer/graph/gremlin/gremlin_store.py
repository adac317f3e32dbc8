"""The Gremlin store: Neptune, or any TinkerPop 3.7 server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import wait
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Any

import structlog
from gremlin_python.process.traversal import Bytecode, T

from consumer.errors import TransientError
from consumer.graph.gremlin import graphbinary_writer, traversals
from consumer.graph.gremlin.connection import Conflict, GremlinConnections, RequestTooLarge, result_of
from consumer.graph.gremlin.deadline import RetryPolicy
from consumer.graph.gremlin.endpoint import Address
from consumer.graph.key_order import KeyOrder
from consumer.graph.store import Change, Direction, Edge, Properties, Vertex
from consumer.graph.walks.id_graph import IdGraph
from consumer.graph.walks.keyed_graph import Along, Hop

_log = structlog.get_logger(__name__)


def open_gremlin(
    url: str, retry_policy: RetryPolicy | None = None, stop: threading.Event | None = None, connections: int = 1
) -> GremlinStore:
    """Returns a store on the server of a graph URL, which connects on the first request.

    Args:
        url: `ws://host:8182/gremlin`, `wss://...` or `neptune://host:8182?region=us-east-1`.
        retry_policy: How long what can't be served now is tried again.
        stop: Set by a request to stop, after which no request takes longer than the retry_policy lasts.
        connections: How many connections there may be.

    Raises:
        UsageError: The URL can't be read.
    """
    return GremlinStore(GremlinConnections(Address.parse(url), retry_policy or RetryPolicy(), stop, connections))


class GremlinStore:
    """A property graph on a Gremlin server; any number of threads may use it.

    Requests go out at once, as many as there are connections. Writes that touch the same vertices follow each other in
    the order in which they were asked for, whichever thread asks.
    """

    def __init__(self, connections: GremlinConnections) -> None:
        self._connections = connections
        # Of the connections' thread.
        self._order: KeyOrder[str] = KeyOrder()

    def read(self, ids: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """Returns the named properties of vertices, or all, by id."""
        items = self._all(traversals.read(some, keys) for some in traversals.chunks(ids))
        return {item[T.id]: traversals.properties_of(item) for item in items}

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Does changes, a group in a request; returns the owners of those that were not done.

        Raises:
            TransientError: The server can't serve now; nothing of it is under way any more.
        """
        writing = _Writing(self._connections, self._order)
        # A request is made on this thread, while those before it are on their way.
        sent = [self._connections.start(writing.of(group, _request(group))) for group in traversals.requests(changes)]
        # All of them, also after a failure: the next attempt must not meet the rest of this one.
        wait(sent)
        for future in sent:
            result_of(future)
        return writing.undone

    def _all(self, queries: Iterable[Bytecode]) -> Iterator[Any]:
        """Returns the results of several concurrent queries."""
        sent = [self._connections.start(self._connections.ask(graphbinary_writer.request(query))) for query in queries]
        for future in sent:
            yield from result_of(future)

    def edges_at(self, ids: Collection[str], label: str, direction: Direction) -> list[Edge]:
        """Returns the edges of a label that leave or enter vertices."""
        items = self._all(traversals.edges_at(some, label, direction) for some in traversals.chunks(ids))
        return [traversals.edge_of(item) for item in items]

    def for_walks(self) -> AbstractContextManager[IdGraph]:
        """Returns the form of the store for one walk."""
        return nullcontext(IdGraph(self._hops))

    def _hops(self, ids: Collection[str], along: Along) -> list[Hop[str]]:
        items = self._all(traversals.hops(some, along) for some in traversals.chunks(ids))
        return [traversals.hop_of(item) for item in items]

    def latest_at(
        self, ids: Collection[str], label: str, until: tuple[str, str], count: int, keys: Sequence[str]
    ) -> dict[str, dict[str, Properties]]:
        """Returns the vertices that edges of a label come from, the latest ones by a property."""
        chunks = traversals.chunks(ids)
        items = self._all(traversals.latest_at(some, label, until, count, keys) for some in chunks)
        return {item["id"]: _by_id(item["latest"]) for item in items}

    def vertices(self, label: str) -> Iterator[Vertex]:
        """Yields all vertices of a label."""
        # Not in pages, which need an order, and so a sort of all: the answer is sent in parts by itself.
        for item in self._connections.submit(traversals.vertices(label)):
            yield Vertex(item[T.id], label, traversals.properties_of(item))

    def ids(self, label: str, after: str, count: int) -> list[str]:
        """Returns the first ids of vertices of a label after a given one, in order."""
        return [str(id_) for id_ in self._connections.submit(traversals.ids(label, after, count))]

    def edges(self, label: str) -> Iterator[Edge]:
        """Yields all edges of a label."""
        for item in self._connections.submit(traversals.edges(label)):
            yield traversals.edge_of(item)

    def close(self) -> None:
        """Closes the connections."""
        self._connections.close()


def _by_id(vertices: Sequence[Mapping[Any, Any]]) -> dict[str, Properties]:
    return {vertex[T.id]: traversals.properties_of(vertex) for vertex in vertices}


class _Writing:
    """The requests of one write.

    Attributes:
        undone: The owners of changes that were not done.
    """

    def __init__(self, connections: GremlinConnections, order: KeyOrder[str]) -> None:
        self.undone: set[str] = set()
        self._connections = connections
        self._order = order
        self._failed: Exception | None = None

    async def of(self, group: Sequence[Change], data: bytes) -> None:
        """Does the changes of one request, when no earlier one is in their way."""
        async with self._ordered(group):
            # The edges of this change may end at vertices of the one that failed.
            if self._failed is not None:
                raise TransientError(f"left out, as another request failed: {self._failed}") from self._failed
            try:
                await self._do(group, data)
            except Exception as error:
                self._failed = error
                raise

    async def _do(self, group: Sequence[Change], data: bytes) -> None:
        """Does changes in one request.

        A group that is too much for the server at once is divided. So is one that does not fit what is in the graph,
        until the change that does not fit is found.
        """
        try:
            answer = await self._connections.ask(data, divisible=len(group) > 1)
        except (RequestTooLarge, Conflict) as error:
            # A request is a transaction, so nothing of it is in the graph: the writer reads again.
            if len(group) == 1:
                self.undone.add(group[0].owner.id)
                return
            if isinstance(error, RequestTooLarge):
                _log.info("request divided", changes=len(group), reason=str(error))
            # One half after the other, as both may change the same vertex.
            middle = len(group) // 2
            for half in (group[:middle], group[middle:]):
                await self._do(half, _request(half))
        else:
            self.undone |= _unapplied(group, answer)

    @asynccontextmanager
    async def _ordered(self, group: Sequence[Change]) -> AsyncIterator[None]:
        # No wait before this: work runs to its first wait in the order in which it was started.
        ticket = self._order.enter(*traversals.touched(group))
        free = asyncio.Event()
        ticket.when_free(free.set)
        try:
            await free.wait()
            yield
        finally:
            self._order.leave(ticket)


def _request(group: Sequence[Change]) -> bytes:
    return graphbinary_writer.request(traversals.write(group))


def _unapplied(group: Sequence[Change], answer: Sequence[Mapping[str, Any]]) -> set[str]:
    """Returns the owners of a group whose token is not the one that the last of their changes sets."""
    tokens = {item["id"]: item["token"] for item in answer}
    wanted = {change.owner.id: change.token.value for change in group}
    return {owner for owner, token in wanted.items() if tokens.get(owner) != token}
