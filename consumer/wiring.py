"""From settings to parts: the one place that knows which class does what."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from consumer.config.loader import CREDENTIALS, Settings, has_credentials
from consumer.errors import UsageError
from consumer.graph import format_version
from consumer.graph.gremlin.deadline import Patience
from consumer.graph.sqlite_store import EmbeddedStore
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
    """Returns the file of an embedded graph's URL; None for other kinds of graphs.

    `sqlite:///graph.db` is relative to the current directory, `sqlite:////data/graph.db` is absolute.

    Raises:
        UsageError: It is a SQLite URL without a file, or with a host.
    """
    if not url.startswith("sqlite:"):
        return None
    if not url.startswith(SQLITE) or url == SQLITE:
        raise UsageError(f"graph {url!r} names no file; write sqlite:///graph.db, or sqlite:////data/graph.db")
    return Path(url.removeprefix(SQLITE))


READER_PATIENCE: Final = Patience(for_s=10.0)
"""For a command that only reads; a person is waiting for it."""

PROBE_PATIENCE: Final = Patience(for_s=2.0, answer_s=10.0)
"""For one question whether a graph serves; it is asked again, and must not hold up an end."""


def open_graph(
    url: str, patience: Patience | None = None, stop: threading.Event | None = None, *, claims: bool = False
) -> GraphStore:
    """Returns the store of a graph's URL; an embedded one is made if it is not there.

    Args:
        url: The graph's.
        patience: How long a server that can't serve now is tried again; the store's default if None.
        stop: Set by a request to stop, after which no request to a server takes longer than the patience lasts.
        claims: True for a writer of events, which writes the format of its facts into a graph that says none.

    Raises:
        UsageError: The URL is of no kind that there is or holds a password, its file can't be opened, or the graph is
            in a format of another version; of a server's graph this is found out by the first request.
    """
    if has_credentials(url):
        raise UsageError(CREDENTIALS)
    if (path := sqlite_file(url)) is not None:
        return _embedded(path, claims=claims)
    if url.startswith(GREMLIN):
        from consumer.graph.gremlin.gremlin_store import open_gremlin  # noqa: PLC0415 -- the driver only where it is needed

        return format_version.Checked(open_gremlin(url, patience, stop), claims=claims)
    raise UsageError(
        f"graph {url!r} is of no known kind; write sqlite:///graph.db, ws://host:8182/gremlin, wss://host:8182/gremlin"
        " or neptune://host:8182?region=us-east-1"
    )


def _embedded(path: Path, *, claims: bool) -> EmbeddedStore:
    store = EmbeddedStore(path)
    try:
        if claims:
            format_version.claim(store)
        else:
            format_version.check(store)
    except BaseException:
        store.close()
        raise
    return store


def open_existing(url: str, patience: Patience | None = None) -> GraphStore:
    """Opens a graph that is there already.

    Raises:
        UsageError: There is no such graph.
    """
    if (path := sqlite_file(url)) is not None and not path.exists():
        raise UsageError(f"there is no graph {path} yet; fill it with `headwater ingest`, or name another with --graph")
    return open_graph(url, patience)


@contextmanager
def mending(url: str, patience: Patience | None = None) -> Iterator[GraphStore]:
    """Yields a graph that is there already, to be read and mended.

    Raises:
        UsageError: There is no such graph.
    """
    with closing(open_existing(url, patience)) as store:
        yield store


@contextmanager
def reading(url: str, at: str | None = None, option: str = "--at") -> Iterator[GraphStore]:
    """Yields a graph that is there already, in one state for all that is read within where its store can do that.

    Args:
        url: The graph's.
        at: Moment as of which the graph is read, as people type it; None for the present.
        option: Name of the option with the moment, for the error.

    Raises:
        UsageError: There is no such graph, or the moment is not valid.
    """
    moment = None if at is None else parse_moment(at, time.time(), option)
    with mending(url, READER_PATIENCE) as store, ExitStack() as stack:
        if isinstance(store, EmbeddedStore):
            stack.enter_context(store.snapshot())
        yield store if moment is None else stack.enter_context(closing(_as_of(store, moment)))


def _as_of(store: GraphStore, moment: str) -> GraphStore:
    from consumer.history.past_graph import as_of  # noqa: PLC0415 -- the write side only where it is needed

    return as_of(store, moment)


def identity_rules(settings: Settings) -> IdentityRules:
    """Returns which names are one dataset by configuration.

    Raises:
        UsageError: A prefix can't be read.
    """
    try:
        same = [entry.prefixes for entry in settings.identity.same]
        return IdentityRules.of(same, by_table_name=settings.identity.by_table_name)
    except BadPrefix as error:
        raise UsageError(f"identity.same: {error}") from error


def identity_settings(settings: Settings) -> IdentityRules | None:
    """Returns the same, or None where no file and no variable has identity settings, so that the graph's rules hold.

    Raises:
        UsageError: A prefix can't be read.
    """
    return identity_rules(settings) if settings.identity.model_fields_set else None


SERVICE_PATIENCE: Final = Patience(for_s=10.0)
"""For one request of the service to the graph, before it tries the batch in smaller portions. Its end waits for it."""

Dress = Callable[[GraphStore], GraphStore]
"""Puts something around a store, such as a meter."""


def graph_sink(
    settings: Settings,
    dress: Dress = lambda store: store,
    patience: Patience | None = None,
    stop: threading.Event | None = None,
) -> Sink:
    """Returns the sink that writes to the graph."""
    from consumer.projection.graph_sink import GraphSink  # noqa: PLC0415 -- the write side only where it is needed

    configured = identity_settings(settings)
    return GraphSink(dress(open_graph(settings.graph, patience, stop, claims=True)), configured)


def ask_graph(settings: Settings, stop: threading.Event) -> None:
    """Asks the graph something cheap, on a connection of its own.

    Raises:
        HeadwaterError: It does not answer.
    """
    store = open_graph(settings.graph, PROBE_PATIENCE, stop)
    try:
        store.read(["headwater:probe"])
    finally:
        store.close()


def datazone_sink(settings: Settings, meter: Meter | None = None) -> Sink:
    """Returns the sink that posts to DataZone.

    Raises:
        UsageError: No domain is configured, or there is no Region or no credentials for one.
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
    """Whether a DataZone domain is configured."""
    return bool(settings.datazone.domain_id or settings.datazone.routes)


def datazone_targets(settings: Settings) -> list[Target]:
    """Returns the domains of the settings.

    Raises:
        UsageError: There is none.
    """
    from consumer.datazone.routing import Routes  # noqa: PLC0415

    targets = Routes(settings.datazone).targets
    if not targets:
        raise UsageError("no DataZone domain is configured: set datazone.domain_id (HEADWATER_DATAZONE__DOMAIN_ID)")
    return targets


def ask_datazone(settings: Settings) -> None:
    """Asks each domain for one of its events.

    Raises:
        HeadwaterError: One does not answer.
    """
    from consumer.datazone.datazone_client import connect  # noqa: PLC0415
    from consumer.datazone.domain import Domain  # noqa: PLC0415

    for target in datazone_targets(settings):
        Domain(target, connect(target)).ping()


def _watched_graph(settings: Settings, watch: ServiceInstrumentation, stop: threading.Event) -> Sink:
    from consumer.telemetry.metering_decorators import MeteredStore  # noqa: PLC0415

    def metered(store: GraphStore) -> GraphStore:
        return MeteredStore(store, watch.metrics, reached=watch.health.reached)

    return graph_sink(settings, metered, SERVICE_PATIENCE, stop)


def _watched_datazone(settings: Settings, watch: ServiceInstrumentation, _: threading.Event) -> Sink:
    from consumer.datazone.sink_metrics import PrometheusMeter  # noqa: PLC0415

    return datazone_sink(settings, PrometheusMeter(watch.metrics, watch.health.reached))


SINKS: Mapping[SinkName, Callable[[Settings, ServiceInstrumentation, threading.Event], Sink]] = {
    "graph": _watched_graph,
    "datazone": _watched_datazone,
}
"""What `headwater consume --sink` offers; the event is set by a request to stop."""

ASKS: Mapping[SinkName, Callable[[Settings, threading.Event], None]] = {
    "graph": ask_graph,
    "datazone": lambda settings, _: ask_datazone(settings),
}
"""How each of them is asked whether it serves."""

DATAZONE_BATCH = 100
"""Most events in hand for DataZone: at 20 a second, what is in hand at SIGTERM is posted within ten seconds."""


def settings_for(sink: SinkName, settings: Settings) -> Settings:
    """Returns the settings of the service with one sink; each sink has its own group, so none delays another.

    Raises:
        UsageError: Both sinks would have one group, and each would get a part of the events.
    """
    if sink == "graph":
        return settings
    group = settings.datazone.group_id
    if group == settings.kafka.group_id:
        raise UsageError(
            f"datazone.group_id and kafka.group_id are both {group!r}: in one group, each gets a part of the events"
        )
    kafka = settings.kafka.model_copy(update={"group_id": group})
    most = min(settings.batch.max_records, DATAZONE_BATCH)
    batch = settings.batch.model_copy(update={"max_records": most})
    return settings.model_copy(update={"kafka": kafka, "batch": batch})


ALERT_PATIENCE: Final = Patience(for_s=5.0)
"""For a request of alerting to the graph; the end of the service waits for it."""


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
    store = open_graph(settings.graph, ALERT_PATIENCE, stop)
    try:
        return build(store, declared, settings.alerts, settings.kafka, meter, clock)
    except BaseException:
        store.close()
        raise
