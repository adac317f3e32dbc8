"""The alert service as a process whose clock a test sets: what `headwater alerts` runs, with another clock.

usage: python -m tests.support.alerts.alerting_process CLOCK_FILE
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


def main(clock_file: Path) -> None:
    """Runs until SIGTERM; the file has the seconds by which the clock differs from the machine's."""
    settings = load({})
    configure(settings.log.level, "json")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=stop.set, daemon=True).start())

    def clock() -> float:
        return time.time() + float(clock_file.read_text())

    opens = partial(wiring.alert_service, settings, UnmeteredAlerts(), stop, clock)
    AlertLoop(opens, settings.alerts.check_every_s, stop).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
