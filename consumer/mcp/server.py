"""The server of the Model Context Protocol: read-only tools, resources and prompts, for stdio and HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import Annotated, Any, Literal

import orjson
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import Field

from consumer.errors import HeadwaterError
from consumer.graph.store import GraphStore
from consumer.history.past_graph import PastGraph
from consumer.mcp import tools
from consumer.mcp.pages import shortened
from consumer.mcp.reader import OwnThreads, Reader
from consumer.query.catalog.fresh_index import FreshIndex

INSTRUCTIONS = (
    "Lineage of data: which tables and columns are made from which, by which jobs and runs. Names may be short"
    " (titles), qualified (dev.imdb.titles) or whole (namespace/name); a column follows a dot. `unknown` lists where"
    " lineage could not be resolved: that is not the same as none. Lists are bounded: pass `next` as"
    " cursor for more; a list with a `_total` beside it is cut."
)

MOST_OF_AN_ERROR = 10_000
"""Characters of an error: names that may be meant can be long."""

_READ_ONLY = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)

Name = Annotated[str, Field(min_length=1, max_length=4_000, description="Dataset or column, such as titles.tconst.")]
Cursor = Annotated[str | None, Field(description="`next` of the page before.")]
AsOf = Annotated[str | None, Field(description="Answer as of a time (RFC 3339), a date, or how long ago, such as 7d.")]
Depth = Annotated[int, Field(ge=1, le=100, description="Steps.")]


Answer = Annotated[CallToolResult, dict[str, Any]]
"""An answer in both forms, described to clients as an object."""


class _Graph:
    """Answers of a graph and its search index."""

    def __init__(self, reader: Reader, index: FreshIndex) -> None:
        self._reader = reader
        self._index = index

    async def find(self, query: str, cursor: str | None) -> Any:
        """Searches the index, which is at most some seconds old.

        Raises:
            ToolError: The query is empty, or the graph can't serve now.
        """
        return await self._read(lambda _: tools.find(self._index, query, cursor))

    async def ask(self, query: Callable[..., Any], *arguments: Any, as_of: str | None = None, **named: Any) -> Any:
        """Runs a query, as of a moment if one is given.

        Raises:
            ToolError: The query's error, for the assistant to read.
        """
        return await self._read(lambda store: _answer(store, partial(query, **named), arguments, as_of))

    async def _read(self, query: Callable[[GraphStore], Any]) -> Any:
        try:
            return await self._reader.read(query)
        except HeadwaterError as error:
            raise ToolError(shortened(str(error), MOST_OF_AN_ERROR)) from None


def _answer(store: GraphStore, query: Callable[..., Any], arguments: tuple[Any, ...], as_of: str | None) -> Any:
    with tools.past(store, as_of) as graph:
        answer = query(graph, *arguments)
        return {**answer, "known_since": graph.known_since or None} if isinstance(graph, PastGraph) else answer


def server(open_store: Callable[[], GraphStore]) -> MCPServer[Any]:
    """Builds a server with threads and a search index of its own.

    Args:
        open_store: Opens the graph for reading; called on several threads.
    """
    reader = OwnThreads(open_store)

    @asynccontextmanager
    async def lifespan(_: MCPServer[Any]) -> AsyncIterator[None]:
        yield
        reader.close()

    return server_on(reader, FreshIndex(open_store), lifespan=lifespan)


def server_on(reader: Reader, index: FreshIndex, **options: Any) -> MCPServer[Any]:
    """Builds a server that shares what reads the graph, and the search index, with others.

    Args:
        reader: Runs queries.
        index: The search index.
        options: Further ones of the server.
    """
    graph = _Graph(reader, index)
    found: MCPServer[Any] = MCPServer(
        "headwater", title="Headwater", instructions=INSTRUCTIONS, version=version("headwater"), **options
    )
    _add_tools(found, graph)
    _add_context(found, graph)
    return found


def _result(answer: dict[str, Any]) -> CallToolResult:
    """Returns an answer as structure and as text. The text is compact: the library's has a third more, in blanks."""
    text = TextContent(type="text", text=orjson.dumps(answer).decode())
    return CallToolResult(content=[text], structured_content=answer)


def _add_tools(found: MCPServer[Any], graph: _Graph) -> None:
    tool = partial(found.tool, annotations=_READ_ONLY)

    @tool(title="Find datasets")
    async def find(
        query: Annotated[str, Field(max_length=400, description="Words; owner:, tag:, engine:, column: filter.")],
        cursor: Cursor = None,
    ) -> Answer:
        """Find datasets by words of their names, columns, descriptions, tags or owners."""
        return _result(await graph.find(query, cursor))

    @tool(title="Describe a dataset")
    async def describe(dataset: Name, cursor: Cursor = None, as_of: AsOf = None) -> Answer:
        """Columns with types, owners, tags, tests, the job that writes it with its SQL, and its last run."""
        return _result(await graph.ask(tools.dataset, dataset, cursor, as_of=as_of))

    @tool(title="Lineage")
    async def lineage(
        node: Name,
        direction: Literal["upstream", "downstream", "both"] = "both",
        depth: Depth = 1,
        direct: Annotated[bool, Field(description="Of a column, follow values alone.")] = False,  # noqa: FBT002
        cursor: Cursor = None,
        as_of: AsOf = None,
    ) -> Answer:
        """Upstream and downstream lineage of a dataset or column, nearest first."""
        return _result(await graph.ask(tools.lineage, node, direction, depth, cursor, direct=direct, as_of=as_of))

    @tool(title="Impact of a change")
    async def impact(
        node: Name,
        change: Literal["drop", "rename", "type", "stop"] = "drop",
        cursor: Cursor = None,
        as_of: AsOf = None,
    ) -> Answer:
        """Datasets that break if a dataset or column changes, with owners and exposures; states what is unknown."""
        return _result(await graph.ask(tools.impact_of, node, change, cursor, as_of=as_of))

    @tool(title="Changes between two moments")
    async def changes(
        since: Annotated[str, Field(description="A time (RFC 3339), a date, or how long ago, such as 7d.")],
        until: Annotated[str | None, Field(description="The same; the present if none.")] = None,
        dataset: Annotated[str | None, Field(description="Dataset whose changes are asked for; all if none.")] = None,
        cursor: Cursor = None,
    ) -> Answer:
        """Datasets, columns, types and edges that were added and removed, by which job and run, and what breaks."""
        return _result(await graph.ask(tools.changes_of, since, until, dataset, cursor))

    @tool(title="Path between two nodes")
    async def path(source: Name, target: Name, as_of: AsOf = None) -> Answer:
        """Shortest paths of data from one dataset or column to another."""
        return _result(await graph.ask(tools.path, source, target, as_of=as_of))

    @tool(title="Runs")
    async def runs(
        node: Annotated[str | None, Field(description="Job, or dataset that jobs write; all jobs if none.")] = None,
        state: Literal["START", "RUNNING", "COMPLETE", "FAIL", "ABORT"] | None = None,
        limit: Annotated[int, Field(ge=1, le=50)] = 10,
        cursor: Cursor = None,
        as_of: AsOf = None,
    ) -> Answer:
        """The latest runs with state, duration and error, and which runs fed the newest one."""
        return _result(await graph.ask(tools.runs, node, state, limit, cursor, as_of=as_of))

    @tool(title="Root causes")
    async def why(dataset: Name, depth: Depth = 100, cursor: Cursor = None, as_of: AsOf = None) -> Answer:
        """Possible causes of a stale or wrong dataset: failed, late, changed or wrong upstreams, nearest first."""
        return _result(await graph.ask(tools.why, dataset, depth, cursor, as_of=as_of))


def _add_context(found: MCPServer[Any], graph: _Graph) -> None:
    @found.resource("headwater://dataset/{name}", mime_type="application/json")
    async def dataset(name: str) -> dict[str, Any]:
        """Everything about a dataset."""
        return dict(await graph.ask(tools.dataset, name))

    @found.resource("headwater://diagram/{name}", mime_type="text/plain")
    async def diagram(name: str) -> str:
        """Two steps of lineage each way, as a Mermaid flowchart."""
        return str(await graph.ask(tools.diagram, name))

    @found.prompt(title="Investigate a late or wrong table")
    def investigate_late_table(dataset: str) -> str:
        """Steps to find out why a table is late or wrong."""
        return (
            f"Find out why {dataset} is late or wrong. Call `why` first; look at the nearest cause with `runs` and"
            " `describe`. Say what is known, since when, who owns it, and what is unknown."
        )

    @found.prompt(title="Review a change of a column")
    def review_column_change(column: str, change: str = "drop") -> str:
        """Steps to review a change of a column."""
        return (
            f"Review this change: {change} of {column}. Call `impact`, follow `next` to the end, and list what breaks"
            " by owner. Separate direct from indirect effects, and say where lineage is unknown."
        )
