"""The OpenLineage transport, which OpenLineage's client calls in dbt-ol's and in the lineage process.

It does no harm to dbt: the constructor uses no network and never raises, `emit` returns at once and never raises,
`close` takes a bounded time, and one line on stderr reports the outcome of the events. Events that are not sent by then
wait on disk for the next run.
"""

import atexit
import logging
import os
import sys
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from openlineage.client.transport.transport import Transport

from emitter.brokers.broker import Broker
from emitter.brokers.refining_broker import Refine, RefiningBroker, project_refiner
from emitter.config.openlineage_config import report_conflict
from emitter.config.transport_config import CheckedConfig, KafkaConfig
from emitter.dbt.node_names import node_in, node_of
from emitter.delivery.delivery_summary import DeliverySummary
from emitter.delivery.outbox import Outbox, open_spool
from emitter.delivery.sender import Sender
from emitter.errors import ConfigError, RefusedError
from emitter.message_key import message_key
from emitter.optimized_bytecode import obstacle
from emitter.record import Record
from emitter.serialization import event_dict, event_json

log = logging.getLogger("emitter")


def open_broker(config: KafkaConfig) -> Broker:
    """Connects to `bootstrap_servers`, and imports only the libraries for them.

    Raises:
        DeliveryError: The connection failed, or a library is missing.
    """
    if config.directory is not None:
        from emitter.brokers.file_log import FileLog  # noqa: PLC0415 # needs a Unix

        return FileLog(config.directory)
    if (reason := obstacle()) is not None:
        raise RefusedError(reason)
    try:
        from emitter.brokers.kafka_broker import KafkaBroker  # noqa: PLC0415 # kafka-python may be missing, which must not stop dbt
    except ImportError as error:
        raise RefusedError(f"{error}: install kafka-python next to dbt, `pip install 'headwater[emitter]'`") from error
    return KafkaBroker(config)


class KafkaTransport(Transport):
    """Sends OpenLineage events to a Kafka topic from a background thread.

    Args:
        config: The settings, or the error in them; with an error dbt runs, and events are kept for a later run if the
            destination is known.
        connect: Makes the broker, in the background thread.
        now: Returns the seconds since 1970.

    Attributes:
        close_timeout: The limit for `close` in seconds; stopping the thread may take one second more.
    """

    kind = "headwater-kafka"
    config_class = CheckedConfig

    def __init__(
        self,
        config: CheckedConfig | KafkaConfig,
        *,
        connect: Callable[[KafkaConfig], Broker] = open_broker,
        now: Callable[[], float] = time.time,
    ) -> None:
        _log_to_stderr()
        outcome = config.outcome if isinstance(config, CheckedConfig) else config
        keep = config.keep if isinstance(config, CheckedConfig) else None
        settings = outcome if isinstance(outcome, KafkaConfig) else keep or KafkaConfig(bootstrap_servers=())
        self._settings = settings
        self._connect = connect
        self.close_timeout = settings.close_timeout
        self._now = now
        self._refine: Refine | None = None
        self._config_error = outcome if isinstance(outcome, ConfigError) else None
        self._error = None if keep else self._config_error
        if self._config_error is not None:
            log.warning("OpenLineage events will not be sent, dbt runs without them: %s", outcome)
        report_conflict()
        self._sender = self._start_sender()
        # dbt-ol does not close its client on every way out.
        atexit.register(self._close_at_exit)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=partial(_restart_in_child, weakref.ref(self)))

    def _start_sender(self) -> Sender:
        settings, connect = self._settings, self._connect
        outbox = Outbox(
            memory_bytes=settings.queue_limit,
            open_spool=(lambda: open_spool(settings)) if settings.spool else None,
            warn=lambda reason: log.warning("OpenLineage events wait in memory, not on disk: %s", reason),
        )
        sender = Sender(lambda: self._refining(connect(settings)), outbox)
        if self._config_error is not None:
            sender.refuse(str(self._config_error))
        self._is_reported = False
        return sender

    def restart_after_fork(self) -> None:
        """Starts a new sender in a process that was forked.

        The thread does not exist here, its locks are in an unknown state, and the parent sends its own events.
        """
        self._sender.leave_to_parent()
        self._sender = self._start_sender()

    def emit(self, event: Any) -> None:
        """Keeps an event for sending: a RunEvent, JobEvent or DatasetEvent, or one of them as a dictionary."""
        body: Any = {}
        try:
            body = event_dict(event)
            if self._error is None:
                self._sender.put(self._record(message_key(body), event_json(body)))
            else:
                self._sender.reject(str(self._error), node_of(body))
        except Exception as error:  # noqa: BLE001 # no event may stop dbt; the event is counted as lost
            self._sender.reject(f"an event could not be kept: {type(error).__name__}: {error}", node_of(body))

    def emit_json(self, key: bytes, value: bytes) -> None:
        """Keeps an event that is already JSON for sending, under its message key; never raises."""
        try:
            if self._error is None:
                self._sender.put(self._record(key, value))
            else:
                self._sender.reject(str(self._error), node_in(value))
        except Exception as error:  # noqa: BLE001 # as in `emit`
            self._sender.reject(f"an event could not be kept: {type(error).__name__}: {error}", node_in(value))

    def wait_for_completion(self, timeout: float = -1) -> bool:
        """Waits until no event waits, at most `timeout` seconds (`close_timeout` if negative or longer)."""
        return self._sender.wait(self._bounded(timeout))

    def close(self, timeout: float = -1) -> bool:
        """Waits like `wait_for_completion`, stops the thread, and logs the summary; returns True if all was sent."""
        atexit.unregister(self._close_at_exit)
        summary = self._sender.close(self._bounded(timeout))
        if not self._is_reported and (summary.sent or not summary.complete):
            self._is_reported = True
            log.log(logging.INFO if summary.complete else logging.WARNING, "%s", self._summary(summary))
        return summary.complete

    @property
    def is_idle(self) -> bool:
        """True if there is nothing to wait for: no event waits, or no further attempt is made."""
        return self._sender.is_idle

    @property
    def has_events(self) -> bool:
        """True if any event was emitted, or one of an earlier run was sent."""
        summary = self._sender.summary()
        return bool(summary.sent or summary.earlier or not summary.complete)

    def summary(self) -> str:
        """Returns the summary as it would be if this process were killed now."""
        return self._summary(self._sender.summary_if_killed())

    def _summary(self, summary: DeliverySummary) -> str:
        kept = " (on disk: the next run sends what waits, or `headwater-dbt spool flush`)" if summary.waiting else ""
        return f"OpenLineage events: {summary}{kept}{self._settings.destination}"

    def _refining(self, broker: Broker) -> Broker:
        """Returns a broker that refines events with the artifacts of dbt's project, unless refinement is off."""
        self._refine = self._refine or project_refiner()
        return broker if self._refine is None else RefiningBroker(broker, self._refine)

    def _close_at_exit(self) -> None:
        self.close()
        if getattr(sys, "last_type", None) is KeyboardInterrupt:
            # The interpreter no longer exits by SIGINT once any thread has executed a source text, as an import may do.
            # An interrupted source text restores that, so that the exit code is the one of the host.
            with suppress(KeyboardInterrupt):
                exec("raise KeyboardInterrupt")  # noqa: S102

    def _bounded(self, timeout: float) -> float:
        return self.close_timeout if timeout < 0 else min(timeout, self.close_timeout)

    def _record(self, key: bytes, value: bytes) -> Record:
        return Record(topic=self._settings.topic, key=key, value=value, timestamp_ms=int(self._now() * 1000))


def _restart_in_child(made: "weakref.ref[KafkaTransport]") -> None:
    if (transport := made()) is not None:
        transport.restart_after_fork()


def _log_to_stderr() -> None:
    """Logs to stderr if logging is not configured: dbt-ol configures only OpenLineage's own loggers."""
    if not log.hasHandlers():
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("headwater: %(message)s"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)
