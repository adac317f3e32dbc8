"""Telemetry of `headwater consume` from its settings: HTTP server, probe and traces while the service runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from prometheus_client import disable_created_metrics

from consumer.config.loader import Settings
from consumer.errors import UsageError
from consumer.processing.processor import StreamProcessor
from consumer.telemetry.health import Health
from consumer.telemetry.http_server import HttpServer
from consumer.telemetry.instrumentation import BatchTrace, InstrumentedSource, LiveCollector, ServiceInstrumentation
from consumer.telemetry.metrics import Metrics
from consumer.telemetry.readiness_probe import ReadinessProbe


@contextmanager
def instrumented(
    settings: Settings, stop: threading.Event, ask_sink: Callable[[], None]
) -> Iterator[ServiceInstrumentation]:
    """Instruments a service until the end of the block.

    Args:
        settings: The settings; `http`, `telemetry` and the names in `kafka` are used.
        stop: Set once the service is to stop.
        ask_sink: Returns once the sink has responded; on a connection of its own, since another thread calls it.

    Raises:
        UsageError: The port is not available, or traces are on without OpenTelemetry.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call] # a second series for each metric, of no use here
    with ExitStack() as stack:
        trace = _trace(settings, stack) if settings.telemetry.traces else None
        instrumentation = ServiceInstrumentation(Metrics(), Health(settings.http, stop, time.monotonic), trace)
        if settings.http.port:
            registry = instrumentation.metrics.registry
            stack.enter_context(HttpServer(settings.http.host, settings.http.port, instrumentation.health, registry))
            stack.enter_context(ReadinessProbe(ask_sink, instrumentation.health.reached))
        yield instrumentation


def follow(instrumentation: ServiceInstrumentation, loop: StreamProcessor, source: InstrumentedSource) -> None:
    """Connects health and metrics to a processor."""
    instrumentation.health.follow(loop.seconds_since_progress)
    instrumentation.metrics.registry.register(
        LiveCollector(source, loop.oldest_uncommitted_age_s, instrumentation.health)
    )


def _trace(settings: Settings, stack: ExitStack) -> BatchTrace:
    try:
        from consumer.telemetry.tracing import BatchSpans, otlp_exporter  # noqa: PLC0415 -- only if traces are on

        spans = BatchSpans(settings.kafka, otlp_exporter())
    except ImportError as error:
        raise UsageError(
            f"telemetry.traces is on, but {error.name} is not installed; pip install 'headwater[consumer,tracing]',"
            " or set"
            " telemetry.traces to false"
        ) from error
    stack.callback(spans.close)
    return spans
