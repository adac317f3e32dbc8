"""What the n-th ordinary event costs, in counts of what is asked of a store, for sequences that go on without end.

Each row is a sequence of events that give one thing ever more outputs, writers, jobs, names or runs. The events are
written one by one. In windows of a hundred events the costs are counted: half of the events are written by a writer
that has written all before, the other half by writers that know nothing of the graph.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import Change, Direction, Edge, Properties, Vertex
from consumer.projection.graph_writer import GraphWriter
from tests.support.graph import whole_tasks
from tests.support.graph.graph_of_events import folded

Json = dict[str, Any]

WINDOW = 100
"""Events whose costs are counted together: the first half warm, the second half cold."""

WARM_UP = 50
"""Events before the first window."""

_INSTRUCTIONS = 10
"""Instructions of SQLite that are counted together."""

LATER = "2027-01-01T00:00:00.000000Z"
"""After all events of all rows."""

_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_REDSHIFT = "redshift://wg.123456789012.us-east-1.redshift-serverless.amazonaws.com:5439"


class Cost(NamedTuple):
    """What is asked of a store.

    Attributes:
        calls: Method calls.
        ids: Ids of vertices that are asked for, or that are returned by a scan.
        edges: Edges that are returned.
        read: Characters of the properties that are returned.
        written: Characters of the properties that are set.
        steps: Changes and their steps.
        instructions: What SQLite does for it, in instructions of its virtual machine: a scan of a table shows in no
            other count.
    """

    calls: float = 0
    ids: float = 0
    edges: float = 0
    read: float = 0
    written: float = 0
    steps: float = 0
    instructions: float = 0

    def minus(self, before: Cost) -> Cost:
        """What was asked since then."""
        return Cost(*(now - then for now, then in zip(self, before, strict=True)))

    def per(self, events: int) -> Cost:
        """The cost of one of some events."""
        return Cost(*(total / events for total in self))


class CountingStore(SqliteStore):
    """A SQLite graph in memory that counts what is asked of it.

    Attributes:
        cost: The sum since it was opened.
        largest: The length of the largest property that was ever set, in characters.
        largest_at: Its vertex and its key.
    """

    def __init__(self) -> None:
        super().__init__(Path(":memory:"))
        self.cost = Cost()
        self.largest = 0
        self.largest_at = ""
        self._db.set_progress_handler(self._count_instructions, _INSTRUCTIONS)

    def _count_instructions(self) -> None:
        self.cost = self.cost._replace(instructions=self.cost.instructions + _INSTRUCTIONS)

    def _count(self, **counts: float) -> None:
        added = {name: getattr(self.cost, name) + count for name, count in counts.items()}
        self.cost = self.cost._replace(calls=self.cost.calls + 1, **added)

    def read(self, ids: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """Counts the ids, and what is returned of them."""
        found = super().read(ids, keys)
        self._count(ids=len(ids), read=sum(map(_chars, found.values())))
        return found

    def edges_at(self, ids: Collection[str], label: str, direction: Direction) -> list[Edge]:
        """Counts the ids, and the edges at them."""
        found = super().edges_at(ids, label, direction)
        self._count(ids=len(ids), edges=len(found), read=sum(_chars(edge.properties) for edge in found))
        return found

    def latest_at(
        self, ids: Collection[str], label: str, until: tuple[str, str], count: int, keys: Sequence[str]
    ) -> dict[str, dict[str, Properties]]:
        """Counts the ids, and what is returned of the vertices at them."""
        found = super().latest_at(ids, label, until, count, keys)
        read = sum(_chars(one) for of_one in found.values() for one in of_one.values())
        self._count(ids=len(ids) + sum(map(len, found.values())), read=read)
        return found

    def ids(self, label: str, after: str, count: int) -> list[str]:
        """Counts the ids that are returned."""
        found = super().ids(label, after, count)
        self._count(ids=len(found))
        return found

    def vertices(self, label: str) -> Iterator[Vertex]:
        """Counts all vertices of a label."""
        found = list(super().vertices(label))
        self._count(ids=len(found), read=sum(_chars(vertex.properties) for vertex in found))
        return iter(found)

    def edges(self, label: str) -> Iterator[Edge]:
        """Counts all edges of a label."""
        found = list(super().edges(label))
        self._count(edges=len(found), read=sum(_chars(edge.properties) for edge in found))
        return iter(found)

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Counts the steps, and what they set."""
        set_by_all = [item for change in changes for item in _set_by(change)]
        self._count(
            steps=sum(1 + len(change.steps) for change in changes),
            written=sum(_chars(properties) for _, properties in set_by_all),
        )
        for at, properties in set_by_all:
            for key, value in properties.items():
                if len(str(value)) > self.largest:
                    self.largest, self.largest_at = len(str(value)), f"{key} of {at}"
        return super().write(changes)


def _set_by(change: Change) -> Iterator[tuple[str, Properties]]:
    yield change.owner.id, change.owner.properties
    for step in change.steps:
        if isinstance(step, Vertex | Edge):
            yield step.id, step.properties


def _chars(properties: Properties) -> int:
    return sum(len(str(value)) for value in properties.values())


class Row(NamedTuple):
    """A sequence of events without an end.

    Attributes:
        name: What there are ever more of.
        event: The n-th event.
        events: How many of them the bench writes.
        stays: How many runs a prune of all old runs may leave at most; None where lineage rests on each of them.
        all_current: True if all of it is current at once, or is the names of one dataset, so that an event may cost as
            much as there is of it.
    """

    name: str
    event: Callable[[int], Json]
    events: int
    stays: int | None
    all_current: bool = False


class Window(NamedTuple):
    """Costs of one event, as means of a window.

    Attributes:
        before: How many events came before the end of the window.
        warm: The cost where one writer writes all.
        cold: The cost where each event has a writer of its own.
        largest: The length of the largest property so far.
        largest_at: Where it is.
        seconds: Of the warm events.
    """

    before: int
    warm: Cost
    cold: Cost
    largest: int
    largest_at: str
    seconds: float


class Sequenced:
    """A row on a graph of its own, event by event."""

    def __init__(self, row: Row) -> None:
        self._row = row
        self._store = CountingStore()
        self._writer = GraphWriter(self._store)
        self._next = 0

    def window(self) -> Window:
        """Writes the events of a window, and counts."""
        half = WINDOW // 2
        before, begin = self._store.cost, time.perf_counter()
        self.skip(half)
        warm, seconds = self._store.cost.minus(before), time.perf_counter() - begin
        before = self._store.cost
        for _ in range(half):
            self._write(GraphWriter(self._store))
        cold = self._store.cost.minus(before)
        # Afterwards the first writer's knowledge is old; the next window is not to pay for that.
        self.skip(5)
        return Window(
            self._next, warm.per(half), cold.per(half), self._store.largest, self._store.largest_at, seconds / half
        )

    def skip(self, count: int) -> None:
        """Writes events, uncounted."""
        for _ in range(count):
            self._write(self._writer)

    @property
    def written(self) -> int:
        """How many events were written."""
        return self._next

    def until(self, count: int) -> None:
        """Writes events, uncounted, up to the beginning of a window that ends about a count of all."""
        self.skip(max(count - WINDOW - self._next, 0))

    def pruned(self) -> tuple[int, int]:
        """Prunes all old runs; returns how many went and how many are left."""
        gone = whole_tasks.prune(self._store, LATER, 200)
        return gone, sum(1 for _ in self._store.vertices("lineage_run"))

    def _write(self, writer: GraphWriter) -> None:
        writer.apply(folded([self._row.event(self._next)]))
        self._next += 1

    def close(self) -> None:
        """Drops the graph."""
        self._store.close()


def _time(number: int) -> str:
    return (_BEGIN + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _dataset(name: str, namespace: str = _REDSHIFT, **facets: Json) -> Json:
    return {"namespace": namespace, "name": name, "facets": facets}


def _table(name: str, *, reads: str = "dev.s.source") -> Json:
    """A table with two columns, which are made of another table's."""
    fields = [{"name": column, "type": "int"} for column in ("x", "y")]
    made_of = {
        column: {"inputFields": [{"namespace": _REDSHIFT, "name": reads, "field": column}]} for column in ("x", "y")
    }
    return _dataset(name, schema={"fields": fields}, columnLineage={"fields": made_of})


def _event(
    number: int,
    kind: str = "COMPLETE",
    *,
    run: str | None = None,
    job: str = "job",
    inputs: Sequence[Json] = (),
    outputs: Sequence[Json] = (),
    streaming: bool = False,
    parent: str | None = None,
) -> Json:
    run_facets: Json = {}
    if parent is not None:
        root = {"run": {"runId": parent}, "job": {"namespace": "dbt", "name": "all"}}
        run_facets["parent"] = {**root, "root": root}
    kinds = {"jobType": {"processingType": "STREAMING", "integration": "FLINK", "jobType": "JOB"}}
    return {
        "eventTime": _time(number),
        "eventType": kind,
        "run": {"runId": run or f"run-{number:06}", "facets": run_facets},
        "job": {"namespace": "dbt", "name": job, "facets": kinds if streaming else {}},
        "inputs": list(inputs),
        "outputs": list(outputs),
        "producer": "https://example.com/producer",
    }


_SOURCE = _dataset("dev.s.source")
_TARGET = _table("dev.s.target")


def _new_output(number: int) -> Json:
    return _event(number, inputs=[_SOURCE], outputs=[_table(f"dev.s.day_{number:06}")])


def _new_writer(number: int) -> Json:
    return _event(number, job=f"query_{number:06}", inputs=[_SOURCE], outputs=[_TARGET])


def _new_reader(number: int) -> Json:
    return _event(number, job=f"query_{number:06}", inputs=[_SOURCE], outputs=[_table(f"dev.s.t_{number:06}")])


def _new_run(number: int) -> Json:
    return _event(number, inputs=[_SOURCE], outputs=[_TARGET])


def _sibling(number: int) -> Json:
    return _event(number, inputs=[_SOURCE], outputs=[_TARGET], parent="always-this-one")


def _new_parent(number: int) -> Json:
    return _event(number, inputs=[_SOURCE], outputs=[_TARGET], parent=f"parent-{number:06}")


def _start(number: int) -> Json:
    return _event(number, "START", inputs=[_SOURCE], outputs=[_TARGET])


def _failure(number: int) -> Json:
    return _event(number, "FAIL", inputs=[_SOURCE], outputs=[_TARGET])


def _streamed(number: int) -> Json:
    outputs = [_table(f"dev.s.topic_{number:06}")]
    return _event(number, "RUNNING", run="the-stream", inputs=[_SOURCE], outputs=outputs, streaming=True)


def _streamed_by_job(number: int) -> Json:
    """Only the job's first run says that the job streams."""
    if not number:
        return _event(number, "START", outputs=[_table("dev.s.first")], streaming=True)
    outputs = [_table(f"dev.s.topic_{number:06}")]
    return _event(number, "RUNNING", run="the-stream", inputs=[_SOURCE], outputs=outputs)


def _running(number: int) -> Json:
    return _event(number, "RUNNING", run="the-run", inputs=[_SOURCE], outputs=[_table(f"dev.s.part_{number:06}")])


def _constant_run(number: int) -> Json:
    job = f"task_{number:06}"
    return _event(number, run="the-run", job=job, inputs=[_SOURCE], outputs=[_table(f"dev.s.t_{number:06}")])


def _declared(number: int) -> Json:
    event = _event(number, inputs=[_SOURCE], outputs=[_table(f"dev.s.day_{number:06}")])
    del event["run"], event["eventType"]
    return event


def _new_name(number: int) -> Json:
    linked = {"identifiers": [{"namespace": _REDSHIFT, "name": "dev.s.target", "type": "TABLE"}]}
    return {"eventTime": _time(number), "dataset": _dataset(f"copy/{number:06}", "s3://lake", symlinks=linked)}


def _new_link(number: int) -> Json:
    linked = {"identifiers": [{"namespace": "s3://lake", "name": f"copy/{number:06}", "type": "TABLE"}]}
    return {"eventTime": _time(number), "dataset": _dataset("dev.s.target", symlinks=linked)}


def _new_column(number: int) -> Json:
    fields = [{"name": column, "type": "int"} for column in ("x", "y", f"c_{number:06}")]
    return {"eventTime": _time(number), "dataset": _dataset("dev.s.target", schema={"fields": fields})}


ROWS = (
    Row("outputs of one job", _new_output, 10_000, 20),
    Row("jobs that write one dataset", _new_writer, 10_000, None),
    Row("jobs that read one dataset", _new_reader, 10_000, None),
    Row("runs of one job", _new_run, 10_000, 20),
    Row("runs of one job and one parent run", _sibling, 10_000, None),
    Row("runs of one job, each with a parent", _new_parent, 10_000, 20),
    Row("runs of one job that never end", _start, 10_000, None),
    Row("failed runs of one job", _failure, 10_000, 20),
    Row("outputs of one streaming run", _streamed, 4_000, None),
    Row("outputs of one run that streams by its job", _streamed_by_job, 4_000, None),
    Row("outputs of one run, batch", _running, 4_000, None, all_current=True),
    Row("jobs of one run id", _constant_run, 10_000, None),
    Row("outputs that one job declares", _declared, 10_000, None),
    Row("names that link to one dataset", _new_name, 1_000, None, all_current=True),
    Row("names that one dataset links to", _new_link, 1_000, None, all_current=True),
    Row("columns that one dataset had", _new_column, 4_000, None),
)
"""Sequences that ordinary producers make."""


def windows(row: Row, points: Sequence[int]) -> Iterator[Window]:
    """The window after a short warm-up, and one that ends about each of some counts of events."""
    with closing(Sequenced(row)) as sequence:
        sequence.skip(WARM_UP)
        yield sequence.window()
        for point in points:
            sequence.until(point)
            yield sequence.window()
