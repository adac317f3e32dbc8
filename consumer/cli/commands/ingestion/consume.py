"""`headwater consume`: the service, from Kafka to a sink."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import cast

import click
import structlog

from consumer import wiring
from consumer.cli.help_text import examples
from consumer.cli.options import with_settings
from consumer.cli.stop_signals import StopSignals
from consumer.config.loader import Settings
from consumer.errors import HeadwaterError
from consumer.graph.gremlin.deadline import RetryPolicy
from consumer.runtime import limit_malloc_arenas
from schemas.decode import decode
from schemas.lazy_decode import decode_lazily

MAINTENANCE_RETRY_POLICY = RetryPolicy(max_elapsed_s=5.0)
"""For a request of maintenance to the graph; the end of the service waits for it."""

_log = structlog.get_logger(__name__)


@click.command(
    name="consume",
    epilog=examples(
        "headwater consume --graph 'neptune://host:8182?region=us-east-1' --kafka-bootstrap-servers b-1.msk:9098"
        " --kafka-auth iam",
        "headwater consume --config headwater.toml",
        "headwater consume --sink datazone --datazone-domain-id dzd_1a2b3c --datazone-account-id 123456789012",
        "HEADWATER_KAFKA__PASSWORD=... headwater consume --kafka-auth scram --kafka-username headwater",
    ),
)
@click.option(
    "--sink",
    type=click.Choice(list(wiring.SINKS)),
    default="graph",
    show_default=True,
    help="Where events go; each sink has a consumer group of its own.",
)
@with_settings(
    "graph",
    "graph_connections",
    "kafka",
    "batch",
    "dead_letters",
    "identity",
    "datazone",
    "http",
    "telemetry",
    "maintenance",
    "alerts",
)
def consume(settings: Settings, sink: str) -> None:
    """Fold events from Kafka into the graph, or forward them to DataZone, until SIGTERM.

    SIGTERM writes and commits the polled records, leaves the group and exits with 0; Ctrl-C likewise with 130, and a
    second one ends at once. With --http-port it answers /healthz, /readyz and /metrics. The password of Kafka is taken
    from HEADWATER_KAFKA__PASSWORD or a file, never from a flag.
    """
    from consumer.alerts.prometheus_meter import PrometheusAlertMeter  # noqa: PLC0415
    from consumer.alerts.service import AlertThread  # noqa: PLC0415
    from consumer.kafka.dead_letter_topic import TopicDeadLetters  # noqa: PLC0415 -- only this command needs Kafka's client
    from consumer.kafka.group_consumer import GroupConsumer  # noqa: PLC0415
    from consumer.kafka.producer import TopicProducer  # noqa: PLC0415
    from consumer.maintenance.scheduler import MaintenanceThread  # noqa: PLC0415
    from consumer.processing.processor import StreamProcessor  # noqa: PLC0415
    from consumer.telemetry.instrumentation import InstrumentedSource  # noqa: PLC0415
    from consumer.telemetry.metering_decorators import MeteredDeadLetters  # noqa: PLC0415
    from consumer.telemetry.setup import follow, instrumented  # noqa: PLC0415

    limit_malloc_arenas()
    name = cast("wiring.SinkName", sink)
    settings = wiring.settings_for(name, settings)
    stop = StopSignals()
    with ExitStack() as stack:
        stack.enter_context(_last_words())
        ask = partial(wiring.PROBES[name], settings, stop.requested)
        watch = stack.enter_context(instrumented(settings, stop.requested, ask))
        # Whatever ends it: the probe and the sink are then waited for as after SIGTERM.
        stack.callback(stop.requested.set)
        target = wiring.SINKS[name](settings, watch, stop.requested)
        stack.callback(target.close)
        letters = TopicDeadLetters(TopicProducer(settings.kafka), settings.kafka.dead_letter_topic)
        stack.callback(letters.close)
        kafka = GroupConsumer(settings.kafka)
        source = InstrumentedSource(kafka, kafka.is_member, watch)
        loop = StreamProcessor(
            source,
            decode_lazily if name == "graph" else decode,
            target,
            MeteredDeadLetters(letters, watch.metrics),
            settings.batch,
            time.monotonic,
            stop.requested,
            rejecting=settings.dead_letters,
            in_flight=wiring.IN_FLIGHT[name](settings),
            observer=watch,
        )
        follow(watch, loop, source)
        if name == "graph":
            opens = partial(wiring.open_graph, settings.graph, MAINTENANCE_RETRY_POLICY, stop.requested, connections=1)
            stack.enter_context(MaintenanceThread(opens, settings.maintenance, wiring.identity_settings(settings)))
            if settings.alerts.file is not None:
                alerting = partial(wiring.alert_service, settings, PrometheusAlertMeter(watch.metrics), stop.requested)
                stack.enter_context(AlertThread(alerting, settings.alerts.check_every_s))
        _log.info("consuming", topic=settings.kafka.topic, group=settings.kafka.group_id, sink=sink)
        loop.run()
    _log.info("stopped", signal=stop.signal)
    stop.finish()


@contextmanager
def _last_words() -> Iterator[None]:
    """Logs the reason for which the service ends, beside the error on stderr."""
    try:
        yield
    except HeadwaterError as error:
        _log.error("stopped by an error", error=str(error))
        raise
    except Exception:
        _log.exception("stopped by a fault")
        raise
