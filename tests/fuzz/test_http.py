"""Requests with something wrong in path, query string, headers or body: answered, and never with 500.

`make fuzz` sends a hundred thousand, and `make fuzz COUNT=...` any other number; the tests send a few. They go to the
application in this process, on a graph of recorded runs.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest
import zstandard

from consumer.api.access.anonymous import Anonymous
from consumer.api.app import Parts, application
from consumer.api.marquez.routes import ENDPOINTS as MARQUEZ
from consumer.api.native.endpoints import ENDPOINTS as NATIVE
from consumer.api.native.endpoints import SEARCH
from consumer.graph import ids, schema
from consumer.graph.sqlite_store import SqliteStore
from consumer.mcp.http_app import http_app
from schemas.decode import decode
from schemas.errors import RejectedEvent
from tests.support.api.asgi_requests import Answer, Header, Sent, running, send
from tests.support.api.serving import Kept
from tests.support.docs.generated_docs import ROOT
from tests.support.events.mutations import NAMES, TIMES, Mutator
from tests.support.events.recorded_producers import PRODUCERS
from tests.support.graph.example_graphs import DEMO_RULES, GLUE, demo_events, fill
from tests.support.graph.graph_of_events import sample

DEMO = ROOT / "consumer" / "demo" / "events"
COUNT = int(os.environ.get("FUZZ_COUNT", "4000"))
SHARES = 4
"""Parts of the work, each with its own seed, for as many processes."""

REDSHIFT = "redshift://127.0.0.1:15440"
KNOWN = (
    GLUE,
    REDSHIFT,
    "dbt",
    "dev.imdb.genre_titles",
    "table/imdb/name_basics",
    "model.imdb_redshift.genre_titles",
    "01a1fc91-7933-7e87-9e9a-05233d912b56",
    "genre",
    "titles",
    "title_crew.directors",
    f"{REDSHIFT}/dev.imdb.genre_titles",
)
VALUES = (
    *(
        "",
        "0",
        "1",
        "20",
        "-1",
        "-0",
        "+5",
        "1e3",
        "99999999999999999999",
        "0x10",
        "\u0663",
        "true",
        "True",
        "no",
        "NaN",
    ),
    *("RUN", "JOB", "DATASET", "NAME", "UPDATE_AT", "FAILED", "COMPLETE", "drop", "DAY", "WEEK", "ASC", "desc"),
    *("UTC", "Europe/Berlin", "../../etc/passwd", "Mars/Base", "2026-01-01", "9999-12-31T23:59:59Z", "0001-01-01"),
    *("dataset:a:b", "job:dbt:x", f"dataset:{GLUE}:table/imdb/name_basics", "datasetField:a:b:c", ":::::", "run:1"),
    *("' OR 1=1 --", "%", "*", 'owner:"', 'column:"x" tag:', "\\", "g.V().drop()", "<script>", "a" * 5_000),
)
PARAMETERS = (
    *(
        "limit",
        "offset",
        "depth",
        "nodeId",
        "q",
        "filter",
        "sort",
        "namespace",
        "before",
        "after",
        "period",
        "timezone",
    ),
    *("withDownstream", "runId", "type", "lastRunStates", "sortDirection", "node", "upstream", "downstream", "columns"),
    *("dataset", "as_of", "from", "to", "since", "until", "query", "job", "outcome", "states", "depth"),
    *("timezone", "direct", "change", "source", "target", "state", "cursor", "", "unknown"),
)
TOOLS = ("find", "describe", "lineage", "impact", "changes", "path", "runs", "why", "none")
METHODS = ("GET",) * 12 + ("HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "GET\u0130")
TYPES = (b"application/json", b"", b"text/plain", b"application/json; charset=utf-16", b"multipart/form-data", b"\xff")
ACCEPTED = (b"application/json", b"text/csv", b"*/*", b"", b";;,,", b"text/csv;q=\xe9")


class Fuzzer:
    """Makes requests by chance from a seed, and from names that are in the graph."""

    def __init__(self, seed: int, names: Sequence[str]) -> None:
        self._random = random.Random(seed)
        self._names = names
        mutator = Mutator(seed, sample("events_redshift"))
        self._bodies = mutator.documents(1_000_000_000)
        paths = [f"/api/v1{one.path}" for one in MARQUEZ] + [f"/api/v2{one.path}" for one in (*NATIVE,)]
        self._paths = [*paths, f"/api/v2{SEARCH[0]}", "/api/v2/openapi.json", "/healthz", "/readyz", "/metrics", "/"]

    def requests(self, count: int) -> Iterator[Sent]:
        """Yields requests."""
        for _ in range(count):
            kind = self._random.random()
            yield self._event() if kind < 0.25 else self._call() if kind < 0.27 else self._read()

    def _read(self) -> Sent:
        path = self._random.choice(self._paths)
        while "{}" in path:
            path = path.replace("{}", self._encoded(self._text()), 1)
        if self._random.random() < 0.15:
            path = self._damaged(path)
        return Sent(self._random.choice(METHODS), path.encode(), self._query(), self._headers())

    def _text(self) -> str:
        of = self._random.choice((KNOWN, KNOWN, self._names, self._names, NAMES, VALUES, TIMES))
        return self._random.choice(of).encode("utf-8", "ignore").decode()

    def _encoded(self, text: str) -> str:
        found = quote(text, safe=self._random.choice(("", "", "/:", "/:%+&=#")))
        return found if found.isascii() else quote(text)

    def _damaged(self, path: str) -> str:
        at = self._random.randrange(1, len(path) + 1)
        noise = ("/", "//", "%2F", "%", "%zz", "%00", "%c3", "..", "/../", ";a=b", "?", "#", "%2e%2e/", "a" * 3_000)
        return path[:at] + self._random.choice(noise) + path[at + self._random.randrange(3) :]

    def _query(self) -> bytes:
        names = self._random.choices(PARAMETERS, k=self._random.randrange(5))
        pairs = [f"{name}={self._encoded(self._text())}" for name in names]
        noise = self._random.choice(("",) * 8 + ("&&", "=", "%zz=%", "a", "limit", "%00=%00"))
        return "&".join([*pairs, noise]).encode()

    def _headers(self) -> list[Header]:
        found = [(b"accept", self._random.choice(ACCEPTED))]
        if self._random.random() < 0.1:
            found.append((b"if-none-match", self._random.choice((b"*", b'"x"', b'W/"x", ,"', b"\xff" * 50))))
        if self._random.random() < 0.05:
            found.append(
                (b"authorization", self._random.choice((b"Bearer", b"Bearer hw_a_b", b"\xff\xfe", b"Basic ==")))
            )
        return found

    def _event(self) -> Sent:
        path = self._random.choice((b"/api/v1/lineage", b"/api/v1/lineage", b"/api/v1/lineage/batch"))
        body = next(self._bodies)
        if path.endswith(b"batch") and self._random.random() < 0.7:
            body = b"[" + b",".join(next(self._bodies) for _ in range(self._random.randrange(4))) + b"]"
        packed: Callable[[bytes], bytes] = self._random.choice((bytes, bytes, gzip.compress, zstandard.compress))
        encodings = {gzip.compress: b"gzip", zstandard.compress: b"zstd"}
        encoding = encodings.get(packed, b"") if self._random.random() < 0.9 else b"br"
        headers = [(b"content-type", self._random.choice(TYPES)), (b"content-encoding", encoding)]
        if self._random.random() < 0.1:
            headers.append((b"content-length", self._random.choice((b"0", b"-1", b"x", b"999999999", b"\xff"))))
        data = packed(body)
        if self._random.random() < 0.1:
            data = data[: self._random.randrange(len(data) + 1)]
        middle = self._random.randrange(len(data) + 1)
        return Sent("POST", path, self._query(), headers, (data[:middle], data[middle:]))

    def _call(self) -> Sent:
        method = self._random.choice(("tools/list", "tools/call", "initialize", "x", ""))
        arguments = {self._random.choice(PARAMETERS): self._text() for _ in range(2)}
        tool = self._random.choice(TOOLS)
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"name": tool, "arguments": arguments}}
        body = orjson.dumps(call) if self._random.random() < 0.8 else next(self._bodies)
        headers = [(b"content-type", b"application/json"), (b"accept", b"application/json, text/event-stream")]
        return Sent(self._random.choice(("POST", "POST", "GET", "DELETE")), b"/mcp", b"", headers, (body,))


def _fault(sent: Sent, answer: Answer) -> str:
    """The fault of an answer; empty if there is none."""
    if answer.status >= 500 and answer.status != 503:
        return f"status {answer.status}"
    if sent.method == "HEAD" or answer.status in {201, 204, 304} or sent.raw_path.startswith(b"/mcp"):
        return ""
    if answer.headers.get(b"content-type") == b"application/json":
        orjson.loads(answer.body)
    return "" if answer.headers.get(b"x-content-type-options") == b"nosniff" else "no security headers"


def _recorded() -> Iterator[Any]:
    """Yields valid events of all producers, and the demo's, which were made with other versions."""
    yield from demo_events()
    for file in (*sorted(PRODUCERS.glob("*.jsonl")), *sorted(DEMO.glob("*.jsonl"))):
        for line in file.read_bytes().splitlines():
            with suppress(RejectedEvent):
                decode(line)
                yield orjson.loads(line)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a graph of everything that was recorded."""
    found = tmp_path_factory.mktemp("recorded") / "graph.db"
    with closing(SqliteStore(found)) as store:
        fill(store, _recorded(), DEMO_RULES)
    return found


def _names(file: Path) -> list[str]:
    """Parts of the ids of a graph: namespaces, names of datasets and jobs, columns, ids of runs."""
    with closing(SqliteStore(file)) as store:
        labels = (schema.NODE, schema.JOB, schema.COLUMN, schema.RUN)
        parts = {part for label in labels for one in store.vertices(label) for part in ids.parse(one.id)[1:]}
    return sorted(parts)


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.timeout(0)
def test_no_request_is_answered_with_500(share: int, file: Path) -> None:
    """Each answer is JSON where it says so, and has the security headers; the server goes on."""
    receiver = Kept()

    def open_store() -> SqliteStore:
        return SqliteStore(file)

    app = application(Parts(open_store, receiver, Anonymous(), threads=1, assistant=http_app))
    statuses: Counter[int] = Counter()

    async def all_of_them() -> None:
        async with running(app):
            for sent in Fuzzer(share, _names(file)).requests(COUNT // SHARES):
                answer = await send(app, sent)
                fault = _fault(sent, answer)
                assert not fault, f"{fault}: {sent} was answered {answer.body[:500]!r}"
                statuses[answer.status] += 1
                receiver.events.clear()
            assert (await send(app, Sent("GET", b"/readyz"))).status == 200

    asyncio.run(all_of_them())
    assert {200, 201, 400, 404, 405} <= set(statuses), statuses
