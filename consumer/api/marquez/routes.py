"""Routes of Marquez's read API, matched on the raw path: a `%2F` in a name is not a separator."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote, unquote

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from consumer.api.access.scopes import Access, Scope
from consumer.api.marquez.answers import catalog_answers, graph_answers, run_answers, search_answers
from consumer.api.marquez.asked import Asked, Remembered
from consumer.api.marquez.query_string import QueryString
from consumer.api.marquez.refusals import not_allowed, unparsable
from consumer.api.read_threads import ReadPool
from consumer.graph.store import GraphStore

PREFIX = "/api/v1"
_ALLOWED = ("GET", "HEAD", "OPTIONS")
_EVENTS = frozenset({f"{PREFIX}/lineage", f"{PREFIX}/lineage/batch"})
_VARIABLE = "{}"


class Endpoint(NamedTuple):
    """A path and its answer.

    Attributes:
        path: Below `/api/v1`; `{}` stands for one segment.
        answer: From the graph and the request to the document.
    """

    path: str
    answer: Callable[[Asked], object]

    @property
    def segments(self) -> list[str]:
        """The segments of its path."""
        return self.path.split("/")[1:]


ENDPOINTS = (
    Endpoint("/namespaces", catalog_answers.namespaces),
    Endpoint("/namespaces/{}", catalog_answers.namespace),
    Endpoint("/namespaces/{}/datasets", catalog_answers.datasets),
    Endpoint("/namespaces/{}/datasets/{}", catalog_answers.dataset),
    Endpoint("/namespaces/{}/datasets/{}/versions", catalog_answers.dataset_versions),
    Endpoint("/namespaces/{}/datasets/{}/versions/{}", catalog_answers.dataset_version_of),
    Endpoint("/namespaces/{}/jobs", run_answers.jobs),
    Endpoint("/namespaces/{}/jobs/{}", run_answers.job),
    Endpoint("/namespaces/{}/jobs/{}/versions", run_answers.job_versions),
    Endpoint("/namespaces/{}/jobs/{}/versions/{}", run_answers.job_version_of),
    Endpoint("/namespaces/{}/jobs/{}/runs", run_answers.job_runs),
    Endpoint("/jobs", run_answers.all_jobs),
    Endpoint("/jobs/runs/{}", run_answers.run),
    Endpoint("/jobs/runs/{}/facets", run_answers.run_facets),
    Endpoint("/lineage", graph_answers.lineage),
    Endpoint("/column-lineage", graph_answers.column_lineage),
    Endpoint("/runlineage/upstream", graph_answers.run_lineage),
    Endpoint("/search", search_answers.search),
    Endpoint("/events/lineage", run_answers.events),
    Endpoint("/sources", catalog_answers.sources),
    Endpoint("/sources/{}", catalog_answers.source),
    Endpoint("/tags", catalog_answers.tags),
    Endpoint("/stats/lineage-events", search_answers.event_counts),
    Endpoint("/stats/jobs", search_answers.job_counts),
    Endpoint("/stats/datasets", search_answers.dataset_counts),
    Endpoint("/stats/sources", search_answers.source_counts),
)
"""The queries that Marquez answers with GET."""


class _Label(NamedTuple):
    """A route as the metrics name it."""

    path: str


class Marquez:
    """The handler of all requests below `/api/v1` but those that bring events.

    Args:
        pool: Reads the graph.
        access: Decides about requests.
        takes_events: True if the server takes events, by POST.
    """

    def __init__(self, pool: ReadPool, access: Access, *, takes_events: bool = False) -> None:
        self._pool = pool
        self._access = access
        self._takes_events = takes_events
        self._remembered = Remembered()

    async def handle(self, request: Request) -> Response:
        """Answers a request.

        Raises:
            Problem: The answer is not a success.
        """
        await self._access.check(request, Scope.READ)
        allowed = (*_ALLOWED, "POST") if self._takes_events and request.url.path in _EVENTS else _ALLOWED
        if request.method == "OPTIONS":
            return PlainTextResponse("", headers={"Allow": ", ".join(allowed)})
        if request.method not in _ALLOWED:
            raise not_allowed(allowed)
        segments = _segments(request)
        endpoint = next((one for one in ENDPOINTS if _fits(one, segments)), None)
        if endpoint is None:
            raise unparsable()
        request.scope["route"] = _Label(f"{PREFIX}{endpoint.path}")
        document = await self._pool.run(lambda store: endpoint.answer(self._asked(store, endpoint, segments, request)))
        return Response(orjson.dumps(document), media_type="application/json")

    def _asked(self, store: GraphStore, endpoint: Endpoint, segments: list[str], request: Request) -> Asked:
        pairs = zip(endpoint.segments, segments, strict=True)
        parts = tuple(unquote(segment) for pattern, segment in pairs if pattern == _VARIABLE)
        query = QueryString(request.scope["query_string"].decode("latin-1"))
        return Asked(store, parts, query, self._remembered)


def _segments(request: Request) -> list[str]:
    """Returns the segments of the path below the prefix, still percent-encoded."""
    raw = request.scope.get("raw_path") or quote(request.scope["path"]).encode()
    path = raw.decode("latin-1").partition("?")[0]
    return [part for part in path.removeprefix(request.scope.get("root_path", "")).split("/")[3:] if part]


def _fits(endpoint: Endpoint, segments: list[str]) -> bool:
    patterns = endpoint.segments
    return len(patterns) == len(segments) and all(
        pattern in {_VARIABLE, segment} for pattern, segment in zip(patterns, segments, strict=True)
    )
