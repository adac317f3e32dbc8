"""The DataZone sink: translates each event and posts new ones, at the rate that the account's quota allows."""

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

from consumer.datazone.datazone_client import Conflict, DataZone, Throttled, classify_error
from consumer.datazone.rate_limiter import RateLimiter
from consumer.datazone.routing import Routes, Target
from consumer.datazone.sink_metrics import EventOutcome, Meter, NullMeter, RequestOutcome
from consumer.datazone.source_identifier import Identities
from consumer.datazone.translate import Forward, Skip, Translation, translate
from consumer.errors import RefusedWrite, TransientError
from consumer.retry import error_of, jittered, retrying
from schemas.events import Event, RunEvent

MAX_IN_FLIGHT: Final = 8
"""Maximum number of concurrent posts: at 20 a second, enough for responses that take 0.4 s."""

MAX_REMEMBERED: Final = 50_000
"""Number of remembered posts, so that a redelivered event uses no quota."""

MAX_ATTEMPTS: Final = 4
"""Attempts per post before the failure is reported to the stream processor, which retries with backoff."""

MAX_THROTTLED_ATTEMPTS: Final = 10
"""Attempts per throttled post: the rate limiter already slows it down."""

INITIAL_BACKOFF_S: Final = 0.1
"""Mean backoff before the second attempt, in seconds; it doubles with each attempt."""

MAX_BACKOFF_S: Final = 2.0
"""Maximum backoff between two attempts, in seconds."""

_log = structlog.get_logger(__name__)

Connect = Callable[[Target], DataZone]


@dataclass(frozen=True, slots=True)
class _Post:
    """One event to post to a domain; `token` is its client token."""

    target: Target
    translation: Translation
    token: str


class DataZoneSink:
    """Posts events to the domains that the routes choose.

    The cache of earlier posts only saves quota: DataZone deduplicates by the client token.

    Args:
        routes: Selects the domain of an event.
        identities: Returns the names under which datasets are posted to a target.
        connect: Returns a target's client.
        limiter: Returns a new rate limiter; each account and Region has one.
        forward: Selects the events to post.
        meter: Receives each event's outcome and each response.
        sleep: Waits between attempts; takes seconds.
    """

    def __init__(
        self,
        routes: Routes,
        identities: Callable[[Target], Identities],
        connect: Connect,
        limiter: Callable[[], RateLimiter],
        *,
        forward: Forward = "complete",
        meter: Meter | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._routes = routes
        self._forward = forward
        self._meter = meter or NullMeter()
        self._sleep = sleep
        self._identities = {target: identities(target) for target in routes.targets}
        self._clients = {target: connect(target) for target in routes.targets}
        accounts = {(target.region, target.role_arn): limiter() for target in routes.targets}
        self._limiters = {target: accounts[target.region, target.role_arn] for target in routes.targets}
        self._known: LRUCache[str, bool] = LRUCache(MAX_REMEMBERED)
        self._executor = ThreadPoolExecutor(MAX_IN_FLIGHT, thread_name_prefix="headwater-datazone")

    def write(self, events: Sequence[Event]) -> None:
        """Posts the events; returns when DataZone has accepted all of them.

        Raises:
            TransientError: DataZone can't accept some now; others may have been posted.
            RefusedWrite: DataZone rejects some permanently; all others are posted.
        """
        rejected: list[RefusedWrite] = []
        posts: dict[str, _Post] = {}
        outcomes: list[EventOutcome] = []
        for event in events:
            try:
                prepared = self._prepare(event)
            except RefusedWrite as error:
                rejected.append(error)
                continue
            if isinstance(prepared, _Post):
                posts[prepared.token] = prepared
            else:
                outcomes.append(prepared)
        rejected += self._post(list(posts.values()))
        if rejected:
            raise rejected[0]
        # After a failure the whole batch is written again, so outcomes are only counted once the batch is done.
        for outcome in outcomes:
            self._meter.event(outcome)

    def close(self) -> None:
        """Joins the threads."""
        self._executor.shutdown()

    def _prepare(self, event: Event) -> _Post | EventOutcome:
        """Returns the post for an event, or the reason why there is none."""
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
        """Posts concurrently; starts no further post once one has failed.

        Returns:
            Errors of the posts that DataZone rejects.

        Raises:
            TransientError: At least one post failed.
        """
        abort = threading.Event()
        outcomes = [self._executor.submit(self._send, post, abort) for post in posts]
        rejected: list[RefusedWrite] = []
        failed: TransientError | None = None
        for post, outcome in zip(posts, outcomes, strict=True):
            error = _error_of(outcome)
            if error is None:
                self._record_posted(post)
            elif isinstance(error, RefusedWrite):
                rejected.append(error)
            else:
                failed = failed or error
        if failed is not None:
            raise failed
        return rejected

    def _record_posted(self, post: _Post) -> None:
        self._known[post.token] = True
        self._meter.event("posted")
        if post.translation.dropped:
            self._meter.reduced()
            _log.warning("event posted without some facets", dropped=post.translation.dropped, token=post.token)

    def _send(self, post: _Post, abort: threading.Event) -> None:
        """Posts one event with retries, on a thread of the pool."""
        with_retries = retrying(
            TransientError,
            jittered(INITIAL_BACKOFF_S, MAX_BACKOFF_S),
            should_stop=lambda state: state.attempt_number >= _max_attempts(error_of(state)),
            sleep=self._sleep,
        )
        if abort.is_set():
            raise TransientError("post not started, because another one of the batch failed")
        try:
            with_retries(self._attempt, post)
        except Conflict as error:
            # The token is a hash of the posted event, so a retry can't resolve a lasting conflict.
            raise RefusedWrite(f"{error}, and {MAX_ATTEMPTS} attempts did not resolve it") from error
        except TransientError:
            abort.set()
            raise

    def _attempt(self, post: _Post) -> None:
        limiter, target = self._limiters[post.target], post.target
        at = limiter.acquire()
        try:
            response = self._clients[target].post_lineage_event(
                domainIdentifier=target.domain_id, event=post.translation.body, clientToken=post.token
            )
        except (ClientError, BotoCoreError) as error:
            failed = classify_error(error, target)
            if isinstance(failed, Throttled):
                limiter.on_throttled(at)
            self._meter.request(_outcome_of(failed), limiter.rate)
            raise failed from error
        limiter.on_accepted()
        self._meter.request("ok", limiter.rate)
        _log.debug("event posted", event_id=response.get("id"), domain=target.domain_id, token=post.token)


def _max_attempts(error: BaseException | None) -> int:
    return MAX_THROTTLED_ATTEMPTS if isinstance(error, Throttled) else MAX_ATTEMPTS


def _outcome_of(failed: RefusedWrite | TransientError) -> RequestOutcome:
    if isinstance(failed, RefusedWrite):
        return "refused"
    if isinstance(failed, Throttled):
        return "throttled"
    return "conflict" if isinstance(failed, Conflict) else "unavailable"


def _error_of(outcome: Future[None]) -> RefusedWrite | TransientError | None:
    """Returns the expected error of a post, None if it succeeded; raises any other error."""
    error = outcome.exception()
    if error is None or isinstance(error, RefusedWrite | TransientError):
        return error
    raise error
