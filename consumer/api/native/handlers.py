"""Handlers of the native API: access, parameters of the request, and the form of the answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from consumer.api.access.scopes import Access, Scope
from consumer.api.native.endpoints import Document, Endpoint, asked_of, document_of
from consumer.api.native.parameters import SearchParameters
from consumer.api.native.responses import answered, tagged
from consumer.api.problems import Problem
from consumer.api.read_threads import ReadPool
from consumer.graph.store import GraphStore
from consumer.query import run_states
from consumer.query.catalog.fresh_index import FreshIndex
from consumer.render import documents


class Native:
    """Handlers of the native API."""

    def __init__(self, pool: ReadPool, index: FreshIndex, access: Access) -> None:
        self._pool = pool
        self._index = index
        self._access = access

    def handler(self, endpoint: Endpoint) -> Callable[[Request], Any]:
        """Returns the handler of an endpoint."""

        async def handle(request: Request) -> Response:
            await self._access.check(request, Scope.READ)
            asked = parsed(endpoint.parameters, request)
            if endpoint.csv is not None and _wants_csv(request):
                render = endpoint.csv
                text = await self._pool.run(lambda store: asked_of(render, store, asked))
                return _varying(tagged(request, text.encode(), "text/csv; charset=utf-8"))
            document = await self._pool.run(lambda store: document_of(endpoint, store, asked))
            found = answered(request, document)
            return found if endpoint.csv is None else _varying(found)

        return handle

    async def search(self, request: Request) -> Response:
        """Searches the index."""
        await self._access.check(request, Scope.READ)
        asked = parsed(SearchParameters, request)
        return answered(request, await self._pool.run(lambda store: self._found(store, asked)))

    def _found(self, store: GraphStore, asked: SearchParameters) -> Document:
        results = self._index.search(asked.q, asked.limit, asked.offset)
        runs_of = run_states.latest_of(store, [one.summary.dataset for one in results.matches])
        return documents.results(results, runs_of)


def _varying(response: Response) -> Response:
    """Says to caches that the form of the answer depends on what the client accepts."""
    response.headers["Vary"] = "Accept"
    return response


def _wants_csv(request: Request) -> bool:
    return request.headers.get("accept", "").partition(",")[0].partition(";")[0].strip() == "text/csv"


def parsed(model: type[Any], request: Request) -> Any:
    """Reads the query string of a request.

    Raises:
        Problem: 400 with each wrong parameter.
    """
    values: Mapping[str, str] = dict(request.query_params)
    for name, count in Counter(name for name, _ in request.query_params.multi_items()).items():
        if count > 1:
            # One of them would be left out of the answer without a word.
            reason = f"it is given {count} times; give it once"
            raise Problem(400, f"query parameter {name}: {reason}", [{"path": name, "reason": reason}])
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults = [
            {"path": ".".join(map(str, one["loc"])) or "query", "reason": one["msg"]}
            for one in error.errors(include_url=False, include_input=False)
        ]
        raise Problem(400, f"query parameter {faults[0]['path']}: {faults[0]['reason']}", faults) from None
