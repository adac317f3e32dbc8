"""The alert service as a process whose clock a test sets and which a test holds; else as `headwater alerts` runs it.

usage: python -m tests.support.alerts.alerting_process CLOCK_FILE HOLD_FILE
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path

from consumer import wiring
from consumer.alerts.meter import UnmeteredAlerts
from consumer.alerts.service import AlertLoop
from consumer.config.loader import load
from consumer.telemetry.logs import configure


class HeldLoop(AlertLoop):
    """Makes no turn while a file is there."""

    hold: Path

    def _turn(self) -> bool:
        return not self.hold.exists() and super()._turn()


def main(clock_file: Path, hold_file: Path) -> None:
    """Runs until SIGTERM.

    Args:
        clock_file: Has the seconds by which the clock differs from the machine's.
        hold_file: While it is there, nothing is evaluated or delivered.
    """
    settings = load({})
    configure(settings.log.level, "json")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=stop.set, daemon=True).start())

    def clock() -> float:
        return time.time() + float(clock_file.read_text())

    opens = partial(wiring.alert_service, settings, UnmeteredAlerts(), stop, clock)
    loop = HeldLoop(opens, settings.alerts.check_every_s, stop)
    loop.hold = hold_file
    loop.run()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
