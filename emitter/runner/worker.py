"""The lineage process: reads what dbt says, makes events of it, and sends them.

Usage: `python -m emitter.runner.worker JOURNAL_FD LISTENER_FD MARK_FD PATIENCE_FD DBT ARGUMENTS...`
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

from emitter.dbt.node_names import missing
from emitter.runner.dbt_v2.telemetry_messages import ended_node, is_needed, is_record
from emitter.runner.event_log import Message, Note, Reader, has_writer, leave_note
from emitter.runner.preload import preload
from emitter.runner.shim import HANDOVER

if TYPE_CHECKING:
    from emitter.runner.client.emission import Emitting
    from emitter.runner.dbt_v2.v2_invocations import Invocations
    from emitter.runner.invocation import Story

log = logging.getLogger("emitter.runner")

_GC_THRESHOLDS = (20_000, 20, 20)


class Lineage:
    """From dbt's messages to sent events.

    Args:
        environ: The environment variables.
        patience: A descriptor that takes, as text, how many seconds sending may last after dbt's end.
        note: Takes what the last line would be if this process were killed, for whoever outlives it.
        reader: Of the journal; it is told where dbt v2 writes its telemetry.
    """

    def __init__(self, environ: Mapping[str, str], patience: int, note: Callable[[Note], None], reader: Reader) -> None:
        self._environ, self._patience, self._leave, self._reader = environ, patience, note, reader
        self._is_whole = False
        self._story: Story | None = None
        self._invocations: Invocations | None = None
        self._emission: Emitting | None = None
        self._failed: Counter[str] = Counter()
        self._missed: list[str] = []

    def follow(self, said: Iterable[Message]) -> None:
        """Takes messages until dbt has ended; what one of them breaks costs that message."""
        for message in said:
            try:
                self._take(message)
            except Exception as error:  # noqa: BLE001 # the top of the loop; dbt goes on and so does the rest
                self._explain(str(message.get("name") or message.get("event_type") or ""), error)
                self._miss(message)
        ended = time.monotonic()
        try:
            self._send(self._story.end() if self._story else ())
            self._send(self._invocations.end() if self._invocations else ())
        except Exception as error:  # noqa: BLE001 # what was made before must still be sent
            self._explain("end", error)
        self._is_whole = True
        if self._emission is not None:
            self._note(self._emission.summary())
        if unexplained := self._failed.total() - len(self._failed):
            log.warning("no lineage of %d more of dbt's messages, for reasons like these", unexplained)
        if names := missing(self._missed):
            log.warning("%s, as dbt's messages about them could not be used", names)
        if self._emission is not None:
            self._emission.close(self._note, time.monotonic() - ended)
        # All is said, so that nothing has to be added however this process ends.
        self._note("")

    def _take(self, message: Message) -> None:
        if is_record(message):
            if self._invocations is not None:
                self._send(self._invocations.take(message))
        elif message["name"] == HANDOVER:
            self._follow_telemetry(message)
        elif message["name"] == "MainReportVersion":
            from emitter.runner.invocation import Story, tells_a_story  # noqa: PLC0415 # for other commands nothing is loaded

            self._story = Story(message, self._environ) if tells_a_story(message) else None
        elif self._story is not None:
            self._send(self._story.take(message))

    def _follow_telemetry(self, handover: Message) -> None:
        from emitter.runner.dbt_v2.v2_invocations import Invocations  # noqa: PLC0415 # dbt-core has no need of it

        self._reader.look()
        self._invocations = Invocations(handover, self._environ, Path.cwd())
        if (own := self._invocations.telemetry) is not None:
            self._reader.turn_to(*own)

    def _send(self, events: Iterable[dict[str, object]]) -> None:
        for event in events:
            if self._emission is None:
                from emitter.runner.client.emission import open_emission  # noqa: PLC0415 # as above

                # Each event is refined already; a transport that does so too need not read the artifacts again.
                os.environ["HEADWATER_REFINE"] = "false"
                self._emission = open_emission()
                os.write(self._patience, f"{self._emission.close_timeout}\n".encode())
            self._emission.emit(event)
            self._note(self._emission.summary())

    def _note(self, text: str) -> None:
        self._leave(Note(text, self._is_whole))

    def _miss(self, message: Message) -> None:
        """Keeps the name of a node whose end could not be used; its other messages are of no weight for lineage."""
        if is_record(message):
            self._missed += ended_node(message)
            return
        try:
            if message["name"] == "NodeFinished":
                self._missed.append(str(message["data"]["node_info"]["unique_id"]))
        except (KeyError, TypeError):
            # Such a message names no node; that it came and could not be used is reported as any other.
            return

    def _explain(self, what: str, error: Exception) -> None:
        self._failed[what] += 1
        if self._failed[what] == 1:
            log.warning("no lineage of dbt's %s: %s: %s", what or "message", type(error).__name__, error)
            log.debug("it was here:", exc_info=error)


def talk_on_stderr() -> None:
    """Shows what the emitter and OpenLineage's client say, and nothing of the libraries below them.

    Kafka's tells each attempt to connect, several in a second; what became of the events stands in the last line.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("headwater-dbt: %(message)s"))
    for name, level in (("emitter", logging.INFO), ("openlineage", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(level)
    # Where events are shown if no transport is configured.
    logging.getLogger("openlineage.client.transport.console").setLevel(logging.INFO)
    # Without any handler, Python shows the warnings of the others all the same.
    logging.getLogger().addHandler(logging.NullHandler())


def main(arguments: list[str]) -> int:
    """Follows one run of dbt; returns 0."""
    talk_on_stderr()
    # Libraries and a manifest make many objects that live until the end; to look through them for garbage each time
    # that their number has grown by a few hundred takes a tenth of this process's time.
    gc.set_threshold(*_GC_THRESHOLDS)
    file, listener, mark, patience = map(int, arguments[:4])
    environ = dict(os.environ)
    preload(arguments[4:], environ, Path.cwd(), partial(has_writer, listener))
    reader = Reader(file, listener, mark, is_needed)
    Lineage(environ, patience, partial(leave_note, mark), reader).follow(reader.messages())
    # The kernel frees memory faster than the interpreter, which would look through all of it once more.
    gc.freeze()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
