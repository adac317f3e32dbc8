"""`POST /api/v1/lineage` and `/api/v1/lineage/batch`, as OpenLineage's API describes them.

An event that is answered with 2xx is durable: acknowledged by the topic's in-sync replicas, or written to the graph.
What can't be made durable within the deadline is 503 with Retry-After, which stock clients retry; never 429, on which
they lose the event.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson
from starlette.requests import Request
from starlette.responses import Response

from consumer.api import body
from consumer.api.access.scopes import Access, Scope
from consumer.api.group_commit import GroupCommit
from consumer.api.problems import Problem, unavailable
from consumer.api.receivers import Received, received, rejection
from consumer.errors import HeadwaterError, TransientError
from consumer.ingest.json_splitter import split_documents
from consumer.processing.ports import TooLargeError
from consumer.processing.record import Headers
from emitter.message_key import message_key
from schemas.errors import RejectedEvent

DEADLINE_S = 3.5
"""Seconds until an answer; OpenLineage's clients wait for five."""

MOST_EVENTS = 10_000
"""Events of one batch."""


class _Outcome(NamedTuple):
    """One event of a batch that failed."""

    place: int
    reason: str
    retriable: bool

    def document(self) -> dict[str, Any]:
        """Returns it as OpenLineage's API describes it."""
        return {"index": self.place, "reason": self.reason, "retriable": self.retriable}


class Ingest:
    """Receives events.

    Args:
        commit: Makes them durable.
        access: Who may send.
        now: Seconds since 1970, UTC.
        deadline_s: Seconds until an answer.
    """

    def __init__(
        self,
        commit: GroupCommit[Received],
        access: Access,
        now: Callable[[], float] = time.time,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._commit = commit
        self._access = access
        self._now = now
        self._deadline_s = deadline_s

    async def one(self, request: Request) -> Response:
        """Receives one event; 201 once it is durable."""
        headers = await self._headers(request)
        data = await body.read(request)
        try:
            event = received(data, _key(data), headers)
        except RejectedEvent as error:
            raise Problem(400, f"the event is not valid: {error}", [rejection(error)]) from None
        await self._made_durable(self._submit(event))
        return Response(status_code=201)

    async def many(self, request: Request) -> Response:
        """Receives an array of events; 204 if all are durable, else 200 with those that are not."""
        headers = await self._headers(request)
        data = await body.read(request)
        if not data.lstrip().startswith(b"["):
            raise Problem(400, "the body is not an array of events; send one event to /api/v1/lineage")
        found = [piece for piece in split_documents(io.BytesIO(data)) if piece.data or piece.fault]
        if len(found) > MOST_EVENTS:
            raise Problem(413, f"the batch has more than {MOST_EVENTS} events; send it in parts")
        failed: list[_Outcome] = []
        waiting: list[tuple[int, Future[None]]] = []
        for index, piece in enumerate(found):
            if piece.fault:
                failed.append(_Outcome(index, f"$: {piece.fault}", retriable=False))
                continue
            try:
                waiting.append((index, self._submit(received(piece.data, _key(piece.data), headers))))
            except RejectedEvent as error:
                failed.append(_Outcome(index, str(error), retriable=False))
            except Problem as problem:
                failed.append(_Outcome(index, problem.message, retriable=True))
        failed += await self._settled(waiting)
        return _summary(len(found), failed)

    async def _headers(self, request: Request) -> Headers:
        principal = await self._access.check(request, Scope.INGEST)
        moment = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="milliseconds")
        return (("received-at", moment.encode()), ("principal", principal.encode()))

    def _submit(self, event: Received) -> Future[None]:
        try:
            return self._commit.submit(event, len(event.data))
        except TransientError as error:
            raise unavailable(str(error)) from None

    async def _made_durable(self, future: Future[None]) -> None:
        try:
            await asyncio.wait_for(asyncio.wrap_future(future), self._deadline_s)
        except TimeoutError:
            raise unavailable("the event could not be written in time; send it again") from None
        except TooLargeError as error:
            raise Problem(413, str(error)) from None
        except TransientError as error:
            raise unavailable(str(error)) from None

    async def _settled(self, waiting: list[tuple[int, Future[None]]]) -> list[_Outcome]:
        deadline = time.monotonic() + self._deadline_s
        failed: list[_Outcome] = []
        for index, future in waiting:
            left = max(0.0, deadline - time.monotonic())
            try:
                await asyncio.wait_for(asyncio.wrap_future(future), left)
            except TimeoutError:
                failed.append(_Outcome(index, "it could not be written in time", retriable=True))
            except HeadwaterError as error:
                failed.append(_Outcome(index, str(error), retriable=isinstance(error, TransientError)))
            except Exception:  # noqa: BLE001 -- the writer has logged it; others of the batch go on
                # Not the event's fault: a single event would be answered 500, which clients retry.
                failed.append(_Outcome(index, "internal error; the server's log has it", retriable=True))
        return failed


def _key(data: bytes) -> bytes:
    try:
        document: Any = orjson.loads(data)
    except orjson.JSONDecodeError:
        return b""  # decoding it says why it is not valid
    return message_key(document) if isinstance(document, dict) else b""


def _summary(count: int, failed: list[_Outcome]) -> Response:
    """Returns the answer of OpenLineage's batch endpoint."""
    if not failed:
        return Response(status_code=204)
    failed.sort(key=lambda one: one.place)
    retriable = sum(one.retriable for one in failed)
    document = {
        "status": "partial_success",
        "summary": {
            "received": count,
            "successful": count - len(failed),
            "failed": len(failed),
            "retriable": retriable,
            "non_retriable": len(failed) - retriable,
        },
        "failed_events": [one.document() for one in failed],
    }
    headers = {"Retry-After": "1"} if retriable else {}
    return Response(orjson.dumps(document), 200, headers, "application/json")
