"""The sink of DataZone: translate each event, post what is new, at the pace that the account's quota allows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import structlog
from botocore.exceptions import BotoCoreError, ClientError
from cachetools import LRUCache
from tenacity import Retrying, retry_if_exception_type
from tenacity.wait import wait_random_exponential

from consumer.datazone.datazone_client import Conflict, DataZone, Throttled, failure
from consumer.datazone.rate_limiter import Limiter
from consumer.datazone.routing import Routes, Target
from consumer.datazone.sink_metrics import Answer, Fate, Meter, Unmetered
from consumer.datazone.source_identifier import Identities
from consumer.datazone.translate import Forward, Skip, Translation, translate
from consumer.errors import RefusedWrite, TransientError
from schemas.events import Event, RunEvent

IN_FLIGHT: Final = 8
"""Posts on their way at once: at 20 a second, enough for answers that take 0.4 s."""

KNOWN: Final = 50_000
"""Posts that are remembered, so that what the loop writes again costs none of the quota."""

TRIES: Final = 4
"""How often a post is made until it is the loop's turn to wait."""

PATIENT_TRIES: Final = 10
"""The same of one that is throttled: the limiter slows it down, so there is less to wait for."""

WAIT_S: Final = 0.1
"""About how long to wait before the second try, in seconds; twice as long before each further one."""

_log = structlog.get_logger(__name__)

Connect = Callable[[Target], DataZone]


@dataclass(frozen=True, slots=True)
class _Post:
    """One event on its way to a domain; `token` tells it from all others."""

    target: Target
    translation: Translation
    token: str


class DataZoneSink:
    """Posts events to the domains that they are for.

    What it remembers of posts it need not remember: DataZone tells by the client token that it has an event already.

    Args:
        routes: Which domain an event is for.
        identities: Under which names datasets are posted to a target.
        connect: Makes a target's client.
        limiter: Makes a limiter; one account and Region has one.
        forward: Which events are posted.
        meter: Told of each event and request.
        sleep: Waits for so many seconds between tries.
    """

    def __init__(
        self,
        routes: Routes,
        identities: Callable[[Target], Identities],
        connect: Connect,
        limiter: Callable[[], Limiter],
        *,
        forward: Forward = "complete",
        meter: Meter | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._routes = routes
        self._forward = forward
        self._meter = meter or Unmetered()
        self._sleep = sleep
        self._identities = {target: identities(target) for target in routes.targets}
        self._clients = {target: connect(target) for target in routes.targets}
        accounts = {(target.region, target.role_arn): limiter() for target in routes.targets}
        self._limiters = {target: accounts[target.region, target.role_arn] for target in routes.targets}
        self._known: LRUCache[str, bool] = LRUCache(KNOWN)
        self._executor = ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="headwater-datazone")

    def write(self, events: Sequence[Event]) -> None:
        """Posts the events; returns when DataZone has all of them.

        Raises:
            TransientError: It can't take some now; others may have been posted.
            RefusedWrite: It refuses some for good; all others are posted.
        """
        refused: list[RefusedWrite] = []
        posts: dict[str, _Post] = {}
        fates: list[Fate] = []
        for event in events:
            try:
                prepared = self._prepared(event)
            except RefusedWrite as error:
                refused.append(error)
                continue
            if isinstance(prepared, _Post):
                posts[prepared.token] = prepared
            else:
                fates.append(prepared)
        refused += self._post(list(posts.values()))
        if refused:
            raise refused[0]
        # What comes again because others failed is told of when it is done with.
        for fate in fates:
            self._meter.event(fate)

    def close(self) -> None:
        """Joins the threads."""
        self._executor.shutdown()

    def _prepared(self, event: Event) -> _Post | Fate:
        """What is to be posted for an event, or why nothing is."""
        if not isinstance(event, RunEvent):
            return "not_a_run"
        target = self._routes.find(event)
        if target is None:
            return "no_route"
        translation = translate(event, self._identities[target], self._forward)
        if isinstance(translation, Skip):
            return translation.value
        token = translation.token(target.domain_id)
        return "known" if token in self._known else _Post(target, translation, token)

    def _post(self, posts: Sequence[_Post]) -> list[RefusedWrite]:
        """Posts, some at a time; once one fails, none is begun any more.

        Returns:
            What DataZone has against some of them.

        Raises:
            TransientError: Some were not posted.
        """
        given_up = threading.Event()
        outcomes = [self._executor.submit(self._send, post, given_up) for post in posts]
        refused: list[RefusedWrite] = []
        failed: TransientError | None = None
        for post, outcome in zip(posts, outcomes, strict=True):
            error = _error_of(outcome)
            if error is None:
                self._note(post)
            elif isinstance(error, RefusedWrite):
                refused.append(error)
            else:
                failed = failed or error
        if failed is not None:
            raise failed
        return refused

    def _note(self, post: _Post) -> None:
        self._known[post.token] = True
        self._meter.event("posted")
        if post.translation.dropped:
            self._meter.reduced()
            _log.warning("event posted without some facets", dropped=post.translation.dropped, token=post.token)

    def _send(self, post: _Post, given_up: threading.Event) -> None:
        """Posts one event, on a thread of the pool."""
        retrying = Retrying(
            sleep=self._sleep,
            wait=wait_random_exponential(multiplier=WAIT_S, max=2),
            stop=lambda state: state.attempt_number >= _tries(state.outcome.exception() if state.outcome else None),
            retry=retry_if_exception_type(TransientError),
            reraise=True,
        )
        if given_up.is_set():
            raise TransientError("another post failed before this one's turn")
        try:
            retrying(self._try, post)
        except Conflict as error:
            # The token is made from what is posted, so nothing else can have it: this is not about time.
            raise RefusedWrite(f"{error}, and still did after {TRIES} tries") from error
        except TransientError:
            given_up.set()
            raise

    def _try(self, post: _Post) -> None:
        limiter, target = self._limiters[post.target], post.target
        at = limiter.acquire()
        try:
            found = self._clients[target].post_lineage_event(
                domainIdentifier=target.domain_id, event=post.translation.body, clientToken=post.token
            )
        except (ClientError, BotoCoreError) as error:
            meant = failure(error, target)
            if isinstance(meant, Throttled):
                limiter.throttled(at)
            self._meter.request(_answer(meant), limiter.rate)
            raise meant from error
        limiter.taken()
        self._meter.request("ok", limiter.rate)
        _log.debug("event posted", event_id=found.get("id"), domain=target.domain_id, token=post.token)


def _tries(error: BaseException | None) -> int:
    return PATIENT_TRIES if isinstance(error, Throttled) else TRIES


def _answer(meant: RefusedWrite | TransientError) -> Answer:
    if isinstance(meant, RefusedWrite):
        return "refused"
    return "throttled" if isinstance(meant, Throttled) else "conflict" if isinstance(meant, Conflict) else "unavailable"


def _error_of(outcome: Future[None]) -> RefusedWrite | TransientError | None:
    """How a post ended; a fault of ours is raised as it is."""
    error = outcome.exception()
    if error is None or isinstance(error, RefusedWrite | TransientError):
        return error
    raise error
