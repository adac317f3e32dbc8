"""Telemetry of `headwater consume` from its settings: what is listened on, asked, and sent while the service runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from prometheus_client import disable_created_metrics

from consumer.config.loader import Settings
from consumer.errors import UsageError
from consumer.processing.processor import Loop
from consumer.telemetry.health import Health
from consumer.telemetry.http_server import HttpServer
from consumer.telemetry.instrumentation import State, Trace, Watch, WatchedSource
from consumer.telemetry.metrics import Metrics
from consumer.telemetry.readiness_probe import Probe


@contextmanager
def watching(settings: Settings, stop: threading.Event, ask_sink: Callable[[], None]) -> Iterator[Watch]:
    """Watches a service until the end of the block.

    Args:
        settings: Those of `http` and `telemetry`, and the names of `kafka`.
        stop: Set once the service is told to stop.
        ask_sink: Returns when the sink has answered; on a connection of its own, as it is called on another thread.

    Raises:
        UsageError: The port can't be had, or traces are wanted and OpenTelemetry is not there.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call] # a second series for each, which nobody asks for
    with ExitStack() as stack:
        trace = _trace(settings, stack) if settings.telemetry.traces else None
        watch = Watch(Metrics(), Health(settings.http, stop, time.monotonic), trace)
        if settings.http.port:
            registry = watch.metrics.registry
            stack.enter_context(HttpServer(settings.http.host, settings.http.port, watch.health, registry))
            stack.enter_context(Probe(ask_sink, watch.health.reached))
        yield watch


def follow(watch: Watch, loop: Loop, source: WatchedSource) -> None:
    """Lets health and metrics ask a loop how it is."""
    watch.health.follow(loop.still_s)
    watch.metrics.registry.register(State(source, loop.waiting_s, watch.health))


def _trace(settings: Settings, stack: ExitStack) -> Trace:
    try:
        from consumer.telemetry.tracing import BatchSpans, exporting  # noqa: PLC0415 -- only if it is wanted

        spans = BatchSpans(settings.kafka, exporting())
    except ImportError as error:
        raise UsageError(
            f"telemetry.traces is on, but {error.name} is not there: pip install 'headwater[consumer,tracing]', or set"
            " telemetry.traces to false"
        ) from error
    stack.callback(spans.close)
    return spans
