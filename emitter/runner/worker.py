"""The lineage process: reads dbt's messages, makes events of them, and sends the events.

Usage: `python -m emitter.runner.worker EVENT_LOG_FD WAKEUP_FD PROGRESS_FD TIMEOUT_FD DBT ARGUMENTS...`
"""

import gc
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from emitter.dbt.artifact_times import of_nanoseconds
from emitter.dbt.node_names import missing
from emitter.runner.dbt_v2.telemetry_messages import ended_node, is_needed, is_record
from emitter.runner.event_log import Message, Reader, ReaderSummary, has_writer, write_summary
from emitter.runner.preload import preload
from emitter.runner.shim import HANDOVER
from schemas.counted import counted

if TYPE_CHECKING:
    from emitter.runner.artifacts.lost_messages import LostMessages
    from emitter.runner.client.emission import EventSink
    from emitter.runner.dbt_v2.v2_invocations import Invocations
    from emitter.runner.invocation_events import InvocationEvents

log = logging.getLogger("emitter.runner")

_GC_THRESHOLDS = (20_000, 20, 20)
_NOTE_INTERVAL_S = 0.2


class LineageWorker:
    """Turns dbt's messages into sent events.

    Args:
        environ: The environment variables.
        timeout_fd: A descriptor for the limit of sending after dbt's end, written as text in seconds.
        note: Called with the summary that is valid if this process is killed, for the process that outlives it.
        reader: The reader of the event log; it gets the path of dbt v2's telemetry.
    """

    def __init__(
        self, environ: Mapping[str, str], timeout_fd: int, note: Callable[[ReaderSummary], None], reader: Reader
    ) -> None:
        self._environ, self._read_timeout, self._write_summary, self._reader = environ, timeout_fd, note, reader
        self._is_complete = False
        self._invocation: InvocationEvents | None = None
        self._lost: LostMessages | None = None
        self._invocations: Invocations | None = None
        self._client: EventSink | None = None
        self._failed: Counter[str] = Counter()
        self._missed: list[str] = []
        self._noted_at, self._is_noted = 0.0, True

    def follow(self, record: Iterable[Message]) -> None:
        """Processes messages until dbt has ended; an error costs the message that causes it."""
        for message in record:
            if message.get("name") == "CommandCompleted":
                self._replace_lost()
            self._process(message)
        ended = time.monotonic()
        self._replace_lost()
        self._end_dbt()
        try:
            self._send(self._invocation.end() if self._invocation else ())
            self._send(self._invocations.end() if self._invocations else ())
        except Exception as error:  # noqa: BLE001 # earlier events must still be sent
            self._log_error("end", error)
        if self._reader.lost:
            outcome = "artifacts used instead" if self._lost and self._lost.are_replaced else "lineage is missing"
            log.warning("%d of dbt's messages could not be written: %s", self._reader.lost, outcome)
        self._is_complete = True
        if self._client is not None:
            self._note(self._client.summary())
        self._log_unprocessed()
        if self._client is not None:
            self._client.close(self._note, time.monotonic() - ended)
        # Everything is logged, so nothing has to be added if this process is killed.
        self._note("")

    def _log_unprocessed(self) -> None:
        """Logs how many messages could not be processed, and the nodes that they were about."""
        if unexplained := self._failed.total() - len(self._failed):
            more = counted(unexplained, "more dbt message")
            log.warning("%s could not be processed for similar reasons", more)
        if names := missing(self._missed):
            log.warning("%s: dbt's messages about them could not be processed", names)

    def _process(self, message: Message) -> None:
        try:
            self._take(message)
        except Exception as error:  # noqa: BLE001 # the top of the loop; the other messages are processed
            self._log_error(str(message.get("name") or message.get("event_type") or ""), error)
            self._note_missing(message)

    def _replace_lost(self) -> None:
        """Processes the messages about nodes that dbt-core could not write, as far as its artifacts have them."""
        if self._reader.lost and self._lost is not None and self._invocation is not None:
            for message in self._lost.ends_of_nodes(self._invocation.target):
                self._process(message)

    def _end_dbt(self) -> None:
        """Processes the end of dbt-core, if its last message could not be written."""
        if self._lost is not None:
            for message in self._lost.end_of_dbt(of_nanoseconds(time.time_ns()), succeeded=self._reader.succeeded):
                self._process(message)

    def _take(self, message: Message) -> None:
        if is_record(message):
            if self._invocations is not None:
                self._send(self._invocations.take(message))
        elif message["name"] == HANDOVER:
            self._follow_telemetry(message)
        elif message["name"] == "MainReportVersion":
            from emitter.runner.artifacts.lost_messages import LostMessages  # noqa: PLC0415 # as above
            from emitter.runner.invocation_events import InvocationEvents, has_lineage  # noqa: PLC0415 # not loaded for other commands

            if has_lineage(message):
                self._invocation = InvocationEvents(message, self._environ)
                self._lost = LostMessages(message["invocation_id"])
        elif self._invocation is not None and self._lost is not None:
            self._lost.note(message)
            self._send(self._invocation.take(message))

    def _follow_telemetry(self, handover: Message) -> None:
        from emitter.runner.dbt_v2.v2_invocations import Invocations  # noqa: PLC0415 # not needed for dbt-core

        self._reader.look()
        self._invocations = Invocations(handover, self._environ, Path.cwd())
        if (own := self._invocations.telemetry) is not None:
            self._reader.turn_to(*own)

    def _send(self, events: Iterable[dict[str, object]]) -> None:
        for event in events:
            if self._client is None:
                from emitter.runner.client.emission import open_client  # noqa: PLC0415 # as above

                # Events are refined already; a transport that refines too need not read the artifacts again.
                os.environ["HEADWATER_REFINE"] = "false"
                self._client = open_client()
                os.write(self._read_timeout, f"{self._client.close_timeout}\n".encode())
            self._client.emit(event)
            self._is_noted = False
            if time.monotonic() - self._noted_at > _NOTE_INTERVAL_S:
                self.note_summary()

    def note_summary(self) -> None:
        """Writes the summary if there were events since, as counting them takes longer than to make one."""
        if self._client is not None and not self._is_noted:
            self._note(self._client.summary())
            self._noted_at, self._is_noted = time.monotonic(), True

    def _note(self, text: str) -> None:
        self._write_summary(ReaderSummary(text, self._is_complete))

    def _note_missing(self, message: Message) -> None:
        """Keeps the name of a node whose end could not be processed; its other messages do not matter for lineage."""
        if is_record(message):
            self._missed += ended_node(message)
            return
        try:
            if message["name"] == "NodeFinished":
                self._missed.append(str(message["data"]["node_info"]["unique_id"]))
        except (KeyError, TypeError):
            # The message names no node; its error is reported like any other.
            return

    def _log_error(self, what: str, error: Exception) -> None:
        self._failed[what] += 1
        if self._failed[what] == 1:
            log.warning("dbt's %s can't be processed: %s: %s", what or "message", type(error).__name__, error)
            log.debug("traceback:", exc_info=error)


def log_to_stderr() -> None:
    """Logs the messages of the emitter and OpenLineage's client to stderr, without those of other libraries.

    kafka-python logs each attempt to connect, several in a second; the last line reports the outcome.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("headwater-dbt: %(message)s"))
    for name, level in (("emitter", logging.INFO), ("openlineage", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(level)
    # This logger writes events if no transport is configured.
    logging.getLogger("openlineage.client.transport.console").setLevel(logging.INFO)
    # Without any handler, Python writes the warnings of other libraries to stderr.
    logging.getLogger().addHandler(logging.NullHandler())


def main(arguments: list[str]) -> int:
    """Follows one run of dbt; returns 0."""
    log_to_stderr()
    # Libraries and a manifest consist of many objects that live until the end. Searching them for garbage after every
    # few hundred new objects takes a tenth of this process's CPU.
    gc.set_threshold(*_GC_THRESHOLDS)
    file, listener, mark, timeout_fd = map(int, arguments[:4])
    environ = dict(os.environ)
    preload(arguments[4:], environ, Path.cwd(), partial(has_writer, listener))
    reader = Reader(file, listener, mark, is_needed)
    worker = LineageWorker(environ, timeout_fd, partial(write_summary, mark), reader)
    worker.follow(reader.messages(worker.note_summary))
    # Without this, the interpreter searches all objects for garbage once more before it exits.
    gc.freeze()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
