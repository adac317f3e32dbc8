"""What the n-th event costs where one thing gets ever more of another: a job outputs, a dataset writers, a run jobs.

Each row of `tests/support/graph/request_counts.py` is written to a SQLite graph in memory, event by event. The table
compares the first window of a hundred events with the last one: warm, with one writer for all events, and cold, with a
writer of its own for each event. A row that takes longer than --seconds ends there; its number of events says how far
it came.
"""

from __future__ import annotations

import time
from contextlib import closing

from bench import report
from tests.support.graph.request_counts import ROWS, WARM_UP, Row, Sequenced, Window

HEADS = (
    "ever more",
    "events",
    "ms/event",
    "ids, warm",
    "read, warm",
    "written, warm",
    "ids, cold",
    "read, cold",
    "largest value",
    "runs gone",
    "runs left",
)

STEP = 50
"""Events between two looks at the clock."""


def measured(row: Row, events: int, seconds: float) -> tuple[str, ...]:
    """A line of the table."""
    with closing(Sequenced(row)) as sequence:
        sequence.skip(WARM_UP)
        first = sequence.window()
        deadline = time.monotonic() + seconds
        # The runs of the last window are part of the count.
        while (missing := events - sequence.written - 2 * STEP) > 0 and time.monotonic() < deadline:
            sequence.skip(min(STEP, missing))
        last = sequence.window()
        gone, left = sequence.pruned()
    return (row.name, f"{last.before:,}", *_costs(first, last), f"{last.largest:,}", f"{gone:,}", f"{left:,}")


def _costs(first: Window, last: Window) -> tuple[str, ...]:
    return (
        f"{1000 * first.seconds:,.1f} to {1000 * last.seconds:,.1f}",
        f"{first.warm.ids:,.0f} to {last.warm.ids:,.0f}",
        f"{first.warm.read:,.0f} to {last.warm.read:,.0f}",
        f"{first.warm.written:,.0f} to {last.warm.written:,.0f}",
        f"{first.cold.ids:,.0f} to {last.cold.ids:,.0f}",
        f"{first.cold.read:,.0f} to {last.cold.read:,.0f}",
    )


def main() -> None:
    """Runs the benchmark and prints the table."""
    parser = report.parser("bench.cost", __doc__ or "")
    parser.add_argument("--events", type=int, help="events of each row (as many as the row has, 1,000 to 10,000)")
    parser.add_argument("--seconds", type=float, default=300.0, help="seconds that a row may take at most (300)")
    parser.add_argument("--only", default="", help="rows whose name has this in it")
    options = parser.parse_args()
    lines = []
    for row in ROWS:
        if options.only in row.name:
            lines.append(measured(row, min(options.events or row.events, row.events), options.seconds))
            print(*lines[-1], sep="  ", flush=True)
    report.tell("bench.cost", report.table(HEADS, lines), write=options.write)


if __name__ == "__main__":
    main()
