"""Construction of stores and sinks from settings: the only module that chooses their classes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from consumer.config.loader import CREDENTIALS, Settings, has_credentials
from consumer.config.settings import CONNECTIONS
from consumer.errors import UnusableGraph, UsageError
from consumer.graph import format_version
from consumer.graph.gremlin.deadline import RetryPolicy
from consumer.graph.sqlite_store import BUSY_TIMEOUT_S, SqliteStore, read_snapshot
from consumer.graph.store import GraphStore
from consumer.lineage.identity import BadPrefix, IdentityRules
from consumer.processing.sink import Sink
from consumer.time_parsing import parse_moment

if TYPE_CHECKING:
    from consumer.alerts.meter import AlertMeter
    from consumer.alerts.service import AlertService
    from consumer.datazone.routing import Target
    from consumer.datazone.sink_metrics import Meter
    from consumer.telemetry.instrumentation import ServiceInstrumentation

SQLITE = "sqlite:///"
GREMLIN = ("ws://", "wss://", "neptune://")

SinkName = Literal["graph", "datazone"]


def sqlite_file(url: str) -> Path | None:
    """Returns the file of a SQLite graph's URL; None for other kinds of graphs.

    `sqlite:///graph.db` is relative to the current directory, `sqlite:////data/graph.db` is absolute.

    Raises:
        UsageError: The SQLite URL has no file, or has a host.
    """
    if not url.startswith("sqlite:"):
        return None
    if not url.startswith(SQLITE) or url == SQLITE:
        raise UsageError(f"graph {url!r} has no file; write sqlite:///graph.db, or sqlite:////data/graph.db")
    return Path(url.removeprefix(SQLITE))


READER_RETRY_POLICY: Final = RetryPolicy(max_elapsed_s=10.0)
"""For commands that only read, as a person waits for them."""

PROBE_RETRY_POLICY: Final = RetryPolicy(max_elapsed_s=2.0, response_timeout_s=10.0)
"""For one probe of a graph, which is repeated anyway and must not delay a shutdown."""


def open_graph(
    url: str,
    retry_policy: RetryPolicy | None = None,
    stop: threading.Event | None = None,
    *,
    claims: bool = False,
    connections: int = CONNECTIONS,
    busy_timeout_s: float = BUSY_TIMEOUT_S,
) -> GraphStore:
    """Returns the store of a graph's URL; a SQLite file is created if it does not exist.

    Args:
        url: URL of the graph.
        retry_policy: Retry policy of requests to a server; None for the store's default.
        stop: Set by a request to stop, after which no request to a server outlasts the retry policy's deadline.
        claims: True for a writer of events, which writes the format of its facts into an empty graph.
        connections: Maximum number of connections to a server.
        busy_timeout_s: Seconds to wait for another process's write to a SQLite file.

    Raises:
        UsageError: The URL is of an unknown kind or has a password, its file can't be opened, or the graph has the
            format of another version; for a graph on a server, the first request raises the latter.
    """
    if has_credentials(url):
        raise UsageError(CREDENTIALS)
    if (path := sqlite_file(url)) is not None:
        return _open_sqlite(path, busy_timeout_s, claims=claims)
    if url.startswith(GREMLIN):
        from consumer.graph.gremlin.gremlin_store import open_gremlin  # noqa: PLC0415 -- the driver only where it is needed

        return format_version.FormatCheckedStore(open_gremlin(url, retry_policy, stop, connections), claims=claims)
    raise UsageError(
        f"graph {url!r} is of an unknown kind; write sqlite:///graph.db, ws://host:8182/gremlin, wss://host:8182/gremlin"
        " or neptune://host:8182?region=us-east-1"
    )


def _open_sqlite(path: Path, busy_timeout_s: float, *, claims: bool) -> SqliteStore:
    store = SqliteStore(path, busy_timeout_s=busy_timeout_s)
    try:
        if claims:
            format_version.claim(store)
        else:
            format_version.check(store)
    except BaseException:
        store.close()
        raise
    return store


def require_existing(url: str) -> None:
    """Checks that the file of a SQLite graph exists; a graph on a server passes.

    Raises:
        UnusableGraph: The graph does not exist.
    """
    if reason := absence(url):
        raise UnusableGraph(
            f"graph {sqlite_file(url)} {reason}; fill it with `headwater ingest`, or name another with --graph"
        )


def open_existing(url: str, retry_policy: RetryPolicy | None = None) -> GraphStore:
    """Opens an existing graph.

    Raises:
        UsageError: The graph does not exist.
    """
    require_existing(url)
    return open_graph(url, retry_policy)


def absence(url: str) -> str:
    """Returns the reason why the file of a SQLite graph holds none yet; empty if it may, and for a graph on a server.

    Raises:
        UsageError: The SQLite URL has no file.
    """
    path = sqlite_file(url)
    if path is None:
        return ""
    if not path.exists():
        return "does not exist"
    # A writer that has just made the file may still have all of it in its log.
    log = path.with_name(f"{path.name}-wal")
    return "is an empty file" if path.is_file() and not path.stat().st_size and not log.exists() else ""


@contextmanager
def open_existing_graph(url: str, retry_policy: RetryPolicy | None = None) -> Iterator[GraphStore]:
    """Yields an existing graph, and closes it afterwards.

    Raises:
        UsageError: The graph does not exist.
    """
    with closing(open_existing(url, retry_policy)) as store:
        yield store


@contextmanager
def open_snapshot(url: str, at: str | None = None, option: str = "--at") -> Iterator[GraphStore]:
    """Yields an existing graph; all reads see one state if its store supports snapshots.

    Args:
        url: URL of the graph.
        at: Moment as of which the graph is read, in a form of `parse_moment`; None for the present.
        option: Name of the option with the moment, for the error.

    Raises:
        UsageError: The graph does not exist, or the moment is invalid.
    """
    moment = None if at is None else parse_moment(at, time.time(), option)
    with open_existing_graph(url, READER_RETRY_POLICY) as store, ExitStack() as stack:
        stack.enter_context(read_snapshot(store))
        yield store if moment is None else stack.enter_context(closing(_as_of(store, moment)))


def _as_of(store: GraphStore, moment: str) -> GraphStore:
    from consumer.history.past_graph import as_of  # noqa: PLC0415 -- the write side only where it is needed

    return as_of(store, moment)


def identity_rules(settings: Settings) -> IdentityRules:
    """Returns the configured identity rules.

    Raises:
        UsageError: A prefix is invalid.
    """
    try:
        same = [entry.prefixes for entry in settings.identity.same]
        return IdentityRules.of(same, by_table_name=settings.identity.by_table_name)
    except BadPrefix as error:
        raise UsageError(f"identity.same: {error}") from error


def identity_settings(settings: Settings) -> IdentityRules | None:
    """Returns the configured identity rules; None without identity settings, so that the graph's rules apply.

    Raises:
        UsageError: A prefix is invalid.
    """
    return identity_rules(settings) if settings.identity.model_fields_set else None


SERVICE_RETRY_POLICY: Final = RetryPolicy(max_elapsed_s=10.0)
"""For one request of the service to the graph, before it splits the batch. A shutdown waits for it."""

StoreDecorator = Callable[[GraphStore], GraphStore]
"""Wraps a store, for example to count its requests."""


def graph_sink(
    settings: Settings,
    decorate: StoreDecorator = lambda store: store,
    retry_policy: RetryPolicy | None = None,
    stop: threading.Event | None = None,
) -> Sink:
    """Returns the sink that writes to the graph.

    Args:
        settings: The effective settings; no request is retried, and no lock of a file waited for, longer
            than their `batch.give_up_after_s`.
        decorate: Wraps the store.
        retry_policy: Retry policy of requests to a server; None for the store's default.
        stop: Set by a request to stop.
    """
    from consumer.projection.graph_sink import GraphSink  # noqa: PLC0415 -- the write side only where it is needed

    policy = retry_policy or RetryPolicy()
    limit_s = settings.batch.give_up_after_s or BUSY_TIMEOUT_S
    policy = replace(policy, max_elapsed_s=min(limit_s, policy.max_elapsed_s))
    store = open_graph(
        settings.graph,
        policy,
        stop,
        claims=True,
        connections=settings.graph_connections,
        busy_timeout_s=min(limit_s, BUSY_TIMEOUT_S),
    )
    return GraphSink(decorate(store), identity_settings(settings))


def in_flight(settings: Settings) -> int:
    """Returns the number of batches that may be written at once: while one waits for a server, others are computed.

    SQLite has one writer at a time.
    """
    return 1 if sqlite_file(settings.graph) is not None else settings.graph_connections


def probe_graph(settings: Settings, stop: threading.Event) -> None:
    """Sends a cheap request to the graph, on a connection of its own.

    Raises:
        HeadwaterError: The graph does not respond.
    """
    store = open_graph(settings.graph, PROBE_RETRY_POLICY, stop, connections=1)
    try:
        store.read(["headwater:probe"])
    finally:
        store.close()


def datazone_sink(settings: Settings, meter: Meter | None = None) -> Sink:
    """Returns the sink that posts to DataZone.

    Raises:
        UsageError: No domain is configured, or a domain has no Region or no credentials.
    """
    from consumer.datazone.datazone_client import connect  # noqa: PLC0415 -- boto3 only where it is needed
    from consumer.datazone.datazone_sink import MAX_IN_FLIGHT, DataZoneSink  # noqa: PLC0415
    from consumer.datazone.rate_limiter import RateLimiter  # noqa: PLC0415
    from consumer.datazone.routing import Routes  # noqa: PLC0415
    from consumer.datazone.source_identifier import Identities  # noqa: PLC0415

    rules, quota = identity_rules(settings), settings.datazone.requests_per_s
    datazone_targets(settings)
    return DataZoneSink(
        Routes(settings.datazone),
        lambda target: Identities(rules, target.account_id),
        lambda target: connect(target, MAX_IN_FLIGHT),
        lambda: RateLimiter(quota, time.monotonic, time.sleep),
        forward=settings.datazone.forward,
        meter=meter,
    )


def forwards(settings: Settings) -> bool:
    """True if a DataZone domain is configured."""
    return bool(settings.datazone.domain_id or settings.datazone.routes)


def datazone_targets(settings: Settings) -> list[Target]:
    """Returns the configured domains.

    Raises:
        UsageError: No domain is configured.
    """
    from consumer.datazone.routing import Routes  # noqa: PLC0415

    targets = Routes(settings.datazone).targets
    if not targets:
        raise UsageError("no DataZone domain is configured: set datazone.domain_id (HEADWATER_DATAZONE__DOMAIN_ID)")
    return targets


def probe_datazone(settings: Settings) -> None:
    """Sends a cheap request to each domain.

    Raises:
        HeadwaterError: A domain does not respond.
    """
    from consumer.datazone.datazone_client import connect  # noqa: PLC0415
    from consumer.datazone.domain import Domain  # noqa: PLC0415

    for target in datazone_targets(settings):
        Domain(target, connect(target)).ping()


def _instrumented_graph(settings: Settings, instrumentation: ServiceInstrumentation, stop: threading.Event) -> Sink:
    from consumer.telemetry.metering_decorators import MeteredStore  # noqa: PLC0415

    def metered(store: GraphStore) -> GraphStore:
        return MeteredStore(store, instrumentation.metrics, reached=instrumentation.health.reached)

    return graph_sink(settings, metered, SERVICE_RETRY_POLICY, stop)


def _instrumented_datazone(settings: Settings, instrumentation: ServiceInstrumentation, _: threading.Event) -> Sink:
    from consumer.datazone.sink_metrics import PrometheusMeter  # noqa: PLC0415

    return datazone_sink(settings, PrometheusMeter(instrumentation.metrics, instrumentation.health.reached))


SINKS: Mapping[SinkName, Callable[[Settings, ServiceInstrumentation, threading.Event], Sink]] = {
    "graph": _instrumented_graph,
    "datazone": _instrumented_datazone,
}
"""The sinks of `headwater consume --sink`; the event is set by a request to stop."""

IN_FLIGHT: Mapping[SinkName, Callable[[Settings], int]] = {"graph": in_flight, "datazone": lambda _: 1}
"""The maximum number of batches in flight of each sink."""

PROBES: Mapping[SinkName, Callable[[Settings, threading.Event], None]] = {
    "graph": probe_graph,
    "datazone": lambda settings, _: probe_datazone(settings),
}
"""The readiness probe of each sink."""

DATAZONE_BATCH = 100
"""Maximum size of a batch for DataZone: at 20 events a second, in-flight batches are posted within ten seconds."""


def settings_for(sink: SinkName, settings: Settings) -> Settings:
    """Returns the settings of the service with one sink; each sink has its own group, so that none delays another.

    Raises:
        UsageError: Both sinks have the same group, so that each would receive a part of the events.
    """
    if sink == "graph":
        return settings
    group = settings.datazone.group_id
    if group == settings.kafka.group_id:
        raise UsageError(
            f"datazone.group_id and kafka.group_id are both {group!r}, so each sink would receive a part of the events;"
            " set different groups"
        )
    kafka = settings.kafka.model_copy(update={"group_id": group})
    max_records = min(settings.batch.max_records, DATAZONE_BATCH)
    batch = settings.batch.model_copy(update={"max_records": max_records})
    return settings.model_copy(update={"kafka": kafka, "batch": batch})


ALERT_RETRY_POLICY: Final = RetryPolicy(max_elapsed_s=5.0)
"""For one request of alerting to the graph. A shutdown waits for it."""


def alert_service(
    settings: Settings, meter: AlertMeter, stop: threading.Event | None = None, clock: Callable[[], float] = time.time
) -> AlertService:
    """Returns the service that raises and delivers alerts, on a connection of its own.

    Raises:
        UsageError: The file of alerts is not valid, or a channel of it can't be used.
    """
    from consumer.alerts.declarations import read_declarations  # noqa: PLC0415 -- channels only where they are needed
    from consumer.alerts.service import build  # noqa: PLC0415

    declared = read_declarations(settings.alerts.file)
    store = open_graph(settings.graph, ALERT_RETRY_POLICY, stop)
    try:
        return build(store, declared, settings.alerts, settings.kafka, meter, clock)
    except BaseException:
        store.close()
        raise
