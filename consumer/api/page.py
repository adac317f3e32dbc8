"""The web page: its document, and the built files that it loads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from consumer.api.access.scopes import Access, Scope
from consumer.api.native.endpoints import asked_of, graph_of
from consumer.api.native.parameters import FAR, GraphParameters
from consumer.api.native.responses import tagged
from consumer.api.problems import Problem
from consumer.api.read_threads import ReadPool
from consumer.query.catalog.fresh_index import FreshIndex
from consumer.query.traversal.neighbourhood import Neighbourhood
from consumer.render import documents
from consumer.render.page import page_html
from consumer.render.page.page_assets import built_file, built_names
from schemas.naming import last_part

FIRST_LIMIT = 1_000
RESULTS = 100
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the page: nothing from elsewhere, no inline script, no inline style."""

_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_FOREVER = "public, max-age=31536000, immutable"


def assets() -> page_html.Assets:
    """Returns the addresses that the document loads."""
    names = built_names()
    return page_html.Assets(f"assets/{names['page.js']}", f"assets/{names['page.css']}")


class Page:
    """Handlers of the page."""

    def __init__(self, pool: ReadPool, index: FreshIndex, access: Access) -> None:
        self._pool = pool
        self._index = index
        self._access = access

    @property
    def routes(self) -> list[Route]:
        """The routes of the page."""
        return [
            Route("/", self.document, methods=["GET"]),
            Route("/assets/{name}", asset, methods=["GET"]),
        ]

    async def document(self, request: Request) -> Response:
        """Answers with the page; its first answer is inside where the reader may see it."""
        query = request.query_params
        node, words = query.get("node", ""), query.get("q", "")
        title, first = "Headwater", None
        try:
            if node:
                await self._access.check(request, Scope.READ)
                asked = _asked(node, query)
                answer = await self._pool.run(lambda store: asked_of(graph_of, store, asked))
                title, first = f"{last_part(answer.root.dataset)} · Headwater", _first(asked, answer)
                body = page_html.tree(answer, (asked.upstream, asked.downstream), asked.as_of or "")
            elif words:
                await self._access.check(request, Scope.READ)
                body = await self._pool.run(lambda _: self._results(words))
            else:
                body = page_html.form() + "</main>"
        except Problem as problem:
            # The script asks again and shows what can be done about it, such as entering a key.
            body = page_html.problem(problem.message)
        data = page_html.document(assets(), title, body, first)
        answered = tagged(request, data, "text/html; charset=utf-8")
        answered.headers["content-security-policy"] = POLICY
        return answered

    def _results(self, words: str) -> str:
        return page_html.results(self._index.search(words[:400], RESULTS, 0), words)


def _asked(node: str, query: Mapping[str, str]) -> GraphParameters:
    return GraphParameters(
        node=node[:4000],
        upstream=_steps(query.get("up", "1")),
        downstream=_steps(query.get("down", "1")),
        limit=FIRST_LIMIT,
        as_of=_moment(query)[:64] or None,
    )


def _moment(query: Mapping[str, str]) -> str:
    """Returns the moment that is shown: the later one of a comparison."""
    return query.get("to" if query.get("from") else "at", "")


def _steps(text: str) -> int:
    if text == "all":
        return FAR
    if not text.isdecimal():
        return 1
    # Python refuses to read numbers of more than 4,300 digits; any that is longer than the limit counts as the limit.
    return min(int(text), FAR) if len(text) <= len(str(FAR)) else FAR


def _first(asked: GraphParameters, answer: Neighbourhood) -> dict[str, Any]:
    query = asked.model_dump(exclude={"as_of"})
    return {"query": query, "at": asked.as_of or "", "answer": documents.neighbourhood(answer)}


async def asset(request: Request) -> Response:
    """Answers with a built file; its name changes with its content."""
    name = request.path_params["name"]
    if name not in built_names().values():
        raise Problem(404, f"there is nothing at {request.url.path}")
    return Response(built_file(name), 200, {"Cache-Control": _FOREVER}, _TYPES[Path(name).suffix])
