"""The end of a service by signals: the first one asks it to stop in order, a second Ctrl-C ends it at once."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

from consumer.cli.exit_codes import ExitCode

_INTERRUPTED = b"headwater: interrupted\n"


class StopSignals:
    """A request to stop, made by a signal; of the main thread.

    Attributes:
        requested: Set by the first SIGTERM or SIGINT. A later SIGINT ends the process, a later SIGTERM does nothing.
        signal: The name of the first signal; empty before there is one.
    """

    def __init__(self) -> None:
        self.requested = threading.Event()
        self.signal = ""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def finish(self) -> None:
        """Ends the watch once the work is done, so that a late Ctrl-C has nothing to interrupt.

        Raises:
            KeyboardInterrupt: SIGINT was the first signal.
        """
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if self.signal == "SIGINT":
            raise KeyboardInterrupt

    def _note(self, number: int, _: FrameType | None) -> None:
        self.signal = signal.Signals(number).name
        # An orchestrator may send it twice, to a group and to a process; who is in haste sends SIGKILL.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, _end_at_once)
        # On a thread, as this one may have been interrupted while it held the event's lock.
        threading.Thread(target=self.requested.set, daemon=True).start()


def _end_at_once(_number: int, _frame: FrameType | None) -> None:
    """Ends the process without its exit handlers.

    An exception would be raised wherever the main thread is: in a callback, which prints it and goes on, or while the
    process waits for its threads.
    """
    os.write(2, _INTERRUPTED)
    os._exit(ExitCode.INTERRUPTED)
