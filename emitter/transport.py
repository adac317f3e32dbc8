"""The OpenLineage transport: what dbt-ol calls, in dbt's own process.

It promises that dbt runs: making it touches no network and never raises, `emit` returns at once and never raises,
`close` takes a bounded time, and one line on stderr says what became of the events. What is not sent by then waits on
disk for the next run.
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
from emitter.dbt.node_names import node_of
from emitter.delivery.delivery_summary import Tally
from emitter.delivery.outbox import Outbox, open_disk
from emitter.delivery.sender import Delivery
from emitter.errors import ConfigError, RefusedError
from emitter.message_key import message_key
from emitter.optimized_bytecode import obstacle
from emitter.record import Record
from emitter.serialization import event_dict, event_json

log = logging.getLogger("emitter")


def open_broker(config: KafkaConfig) -> Broker:
    """Connects to what `bootstrap_servers` names, and loads the libraries for that alone.

    Raises:
        DeliveryError: if that fails.
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
        config: the settings, or what is wrong with them; with the latter dbt runs, and events are kept for a later run
            where they can be.
        connect: makes the broker, in the background thread.
        now: seconds since 1970.

    Attributes:
        close_timeout: how long `close` may take, in seconds, but for one more to put things away.
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
        _talk_on_stderr()
        outcome = config.outcome if isinstance(config, CheckedConfig) else config
        keep = config.keep if isinstance(config, CheckedConfig) else None
        settings = outcome if isinstance(outcome, KafkaConfig) else keep or KafkaConfig(bootstrap_servers=())
        self._settings = settings
        self._connect = connect
        self.close_timeout = settings.close_timeout
        self._now = now
        self._refine: Refine | None = None
        self._mistake = outcome if isinstance(outcome, ConfigError) else None
        self._error = None if keep else self._mistake
        if self._mistake is not None:
            log.warning("OpenLineage events will not be sent, dbt runs without them: %s", outcome)
        report_conflict()
        self._delivery = self._begin()
        # dbt-ol does not close its client on every way out.
        atexit.register(self._close_at_exit)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=partial(_begin_again, weakref.ref(self)))

    def _begin(self) -> Delivery:
        settings, connect = self._settings, self._connect
        outbox = Outbox(
            memory_bytes=settings.queue_limit,
            open_disk=(lambda: open_disk(settings)) if settings.spool else None,
            warn=lambda reason: log.warning("OpenLineage events wait in memory, not on disk: %s", reason),
        )
        delivery = Delivery(lambda: self._refining(connect(settings)), outbox)
        if self._mistake is not None:
            delivery.refuse(str(self._mistake))
        self._told = False
        return delivery

    def begin_again(self) -> None:
        """Starts from nothing in a process that was forked.

        The thread is not there, its locks are in any state, and the events emitted so far are the parent's to send.
        """
        self._delivery.leave_to_parent()
        self._delivery = self._begin()

    def emit(self, event: Any) -> None:
        """Keeps an event to send it: a RunEvent, JobEvent, DatasetEvent, or one as a dictionary."""
        body: Any = {}
        try:
            body = event_dict(event)
            if self._error is None:
                self._delivery.put(self._record(body))
            else:
                self._delivery.reject(str(self._error), node_of(body))
        except Exception as error:  # noqa: BLE001 # a guest: whatever an event holds, dbt goes on and the count is true
            self._delivery.reject(f"an event could not be kept: {type(error).__name__}: {error}", node_of(body))

    def wait_for_completion(self, timeout: float = -1) -> bool:
        """Waits until every event is settled, at most `timeout` seconds (`close_timeout` if negative or longer)."""
        return self._delivery.wait(self._bounded(timeout))

    def close(self, timeout: float = -1) -> bool:
        """Waits like `wait_for_completion`, stops the thread, and logs the summary; returns whether all was sent."""
        atexit.unregister(self._close_at_exit)
        tally = self._delivery.close(self._bounded(timeout))
        if not self._told and (tally.sent or not tally.complete):
            self._told = True
            log.log(logging.INFO if tally.complete else logging.WARNING, "%s", self._summary(tally))
        return tally.complete

    @property
    def is_idle(self) -> bool:
        """True if there is nothing to wait for: all events are settled, or no further attempt is made."""
        return self._delivery.is_idle

    @property
    def has_events(self) -> bool:
        """True if any event was emitted, or one of an earlier run was sent."""
        tally = self._delivery.tally()
        return bool(tally.sent or tally.earlier or not tally.complete)

    def summary(self) -> str:
        """Returns the summary as it would be if this process were killed now."""
        return self._summary(self._delivery.tally_if_ended())

    def _summary(self, tally: Tally) -> str:
        kept = " (on disk: the next run sends what waits, or `headwater-dbt spool flush`)" if tally.waiting else ""
        return f"OpenLineage events: {tally}{kept}{self._settings.destination}"

    def _refining(self, broker: Broker) -> Broker:
        """The broker behind refinement with the artifacts of the project that dbt runs, unless it is switched off."""
        self._refine = self._refine or project_refiner()
        return broker if self._refine is None else RefiningBroker(broker, self._refine)

    def _close_at_exit(self) -> None:
        self.close()
        if getattr(sys, "last_type", None) is KeyboardInterrupt:
            # The interpreter forgets that it is to end by SIGINT as soon as any thread has executed a text, as the
            # import of a library may do. An interrupted text reminds it, so that the exit code is the host's own.
            with suppress(KeyboardInterrupt):
                exec("raise KeyboardInterrupt")  # noqa: S102

    def _bounded(self, timeout: float) -> float:
        return self.close_timeout if timeout < 0 else min(timeout, self.close_timeout)

    def _record(self, body: dict[str, Any]) -> Record:
        return Record(
            topic=self._settings.topic,
            key=message_key(body),
            value=event_json(body),
            timestamp_ms=int(self._now() * 1000),
        )


def _begin_again(made: "weakref.ref[KafkaTransport]") -> None:
    if (transport := made()) is not None:
        transport.begin_again()


def _talk_on_stderr() -> None:
    """Shows the emitter's log on stderr where nobody configured logging, as dbt-ol doesn't beyond OpenLineage's own."""
    if not log.hasHandlers():
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("headwater: %(message)s"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)
