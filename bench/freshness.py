"""`python -m bench.freshness`: how long after it was produced an event can be seen in the graph by a query.

Events come at an even pace. A second connection asks the graph again and again for what they make: a START is seen when
its run is there, a COMPLETE of a new model when the edges into its table are, and that of a rebuild when its run is
complete. The first build is all-new; those that follow are rebuilds.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from typing import NamedTuple, Self

from bench import report
from bench.service import running
from bench.topic import Committed, Topic
from bench.workload import Project
from consumer.graph import ids, schema
from consumer.graph.gremlin.gremlin_store import open_gremlin
from consumer.graph.store import GraphStore
from consumer.lineage.folding.fold import fold
from consumer.lineage.identity import IdentityRules
from schemas.decode import decode
from schemas.events import RunEvent
from schemas.naming import DatasetName
from tests.support.brokers.kafka_server import KafkaBroker
from tests.support.graph.gremlin_server import GremlinServer

HEADS = ("events a second", "events", "p50, s", "p99, s", "most, s")
WARM_UP = 200
"""Models that are written before the measuring."""
LOST_S = 60.0
"""Seconds after which an event that is not seen counts as lost."""


class Sign(NamedTuple):
    """What shows that an event is in the graph: a vertex, a state of a run, or edges into a dataset.

    Attributes:
        kind: Which of them.
        id: The vertex.
    """

    kind: str
    id: str


def sign(value: bytes, *, rebuilt: bool) -> Sign:
    """What an event of the workload makes visible."""
    event = decode(value)
    if not isinstance(event, RunEvent):
        raise TypeError(f"the workload has run events only, not {type(event).__name__}")
    (run,) = fold(event, IdentityRules.of()).runs
    if event.event_type == "START":
        return Sign("run", ids.run(run))
    if rebuilt or not event.outputs:
        return Sign("complete", ids.run(run))
    return Sign("edges", ids.dataset(DatasetName(event.outputs[0].namespace, event.outputs[0].name)))


def seen(store: GraphStore, waiting: Mapping[Sign, float]) -> set[Sign]:
    """Which signs the graph shows now; two requests."""
    runs = [mark.id for mark in waiting if mark.kind != "edges"]
    tables = [mark.id for mark in waiting if mark.kind == "edges"]
    found = store.read(runs, ("state",)) if runs else {}
    made = {Sign("run", id_) for id_ in found}
    made |= {Sign("complete", id_) for id_, shown in found.items() if shown.get("state") == "COMPLETE"}
    made |= {Sign("edges", edge.target) for edge in (store.edges_at(tables, schema.EDGE, "in") if tables else ())}
    return made & waiting.keys()


class Feed:
    """Sends events at an even pace, on a thread of its own.

    Attributes:
        waiting: What has been sent and not been seen yet, with the moment at which it was sent.
        sending: Whether there is more to come.
    """

    def __init__(self, topic: Topic, project: Project, pace: float, count: int) -> None:
        self.waiting: dict[Sign, float] = {}
        self.sending = True
        self._topic, self._project, self._pace, self._count = topic, project, pace, count
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send, name="feed")

    def _records(self) -> Iterator[tuple[Sign, bytes, bytes]]:
        left, build = self._count, 0
        while left > 0:
            for key, value in list(self._project.build(build))[:left]:
                yield sign(value, rebuilt=build > 0), key, value
                left -= 1
            build += 1

    def _send(self) -> None:
        try:
            began = time.monotonic()
            for number, (mark, key, value) in enumerate(self._records()):
                if self._stop.wait(began + number / self._pace - time.monotonic()):
                    return
                self.waiting[mark] = time.monotonic()
                self._topic.send([(key, value)])
        finally:
            self.sending = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def delays(store: GraphStore, feed: Feed) -> list[float]:
    """Asks until all that is sent is seen; how long each took, in seconds.

    Raises:
        RuntimeError: Something is not seen for a minute.
    """
    found: list[float] = []
    while feed.sending or feed.waiting:
        waiting = dict(feed.waiting)
        marks = seen(store, waiting)
        now = time.monotonic()
        found += [now - feed.waiting.pop(mark) for mark in marks]
        late = [mark for mark, sent in waiting.items() if now - sent > LOST_S]
        if late:
            raise RuntimeError(f"{len(late)} events are not in the graph after {LOST_S:.0f} s, such as {late[0]}")
        time.sleep(0.01)
    return found


def measure(pace: float, seconds: float, models: int) -> list[float]:
    """The delays of all events of one run, in seconds, in order."""
    with ExitStack() as stack:
        broker, server = KafkaBroker(), GremlinServer("tinkergraph")
        stack.callback(broker.close)
        stack.callback(server.close)
        store = stack.enter_context(closing(open_gremlin(server.url)))
        topic = stack.enter_context(Topic(broker))
        stack.enter_context(running(broker, topic, server.url))
        topic.send(Project("first", WARM_UP).build(0))
        topic.flush()
        # Until the service has joined its group nothing can be fresh, and a server that has just started is slow.
        with closing(Committed(broker, topic.name, topic.name)) as committed:
            while sum(committed.offsets().values()) < topic.sent:
                time.sleep(0.1)
        feed = stack.enter_context(Feed(topic, Project("bench", models), pace, round(pace * seconds)))
        return sorted(delays(store, feed))


def main() -> None:
    """Runs the benchmark and prints the table."""
    parser = report.parser("bench.freshness", __doc__ or "")
    parser.add_argument("--pace", type=float, nargs="+", default=[100.0], help="events a second (100)")
    parser.add_argument("--seconds", type=float, default=60.0, help="for how long they are sent (60)")
    parser.add_argument("--models", type=int, default=500, help="models of the project (500)")
    options = parser.parse_args()
    rows = []
    for pace in options.pace:
        took = measure(pace, options.seconds, options.models)
        cuts = statistics.quantiles(took, n=100, method="inclusive")
        rows.append((f"{pace:,.0f}", f"{len(took):,}", *(f"{found:.2f}" for found in (cuts[49], cuts[98], took[-1]))))
        print(*rows[-1], sep="  ", flush=True)
    report.tell("bench.freshness", report.table(HEADS, rows), write=options.write)


if __name__ == "__main__":
    main()
