"""`python -m bench.size`: how large the graph grows, counted on an invented project and scaled.

What a model is costs once; what is known of its runs costs for each run, until `headwater prune` or
`maintenance.runs_older_than_days` takes it away. Bytes are those of a SQLite file, and those of all properties with
their keys, which a server such as Neptune holds; how many bytes its storage needs for them, or ids, is not counted.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench.report import parser, table, tell
from bench.workload import Project
from consumer.graph import change_log, ids, schema
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import Change, Edge, NotExists, PropertyEquals, Vertex
from consumer.lineage.changes import ChangeRecord, Kind
from consumer.lineage.facts.keys import JobName
from consumer.lineage.identity import IdentityRules
from consumer.projection.graph_sink import GraphSink
from schemas.decode import decode

PROJECTS = ((100, 24), (1_000, 24), (10_000, 24), (10_000, 1))
"""Models, and builds a day."""

KEPT_DAYS = 90
CHANGES_A_DAY, TWO_YEARS = 50, 2 * 365
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


class Size(NamedTuple):
    """What a graph holds."""

    vertices: float
    edges: float
    properties: float
    size: float

    def per(self, count: int) -> Size:
        """The share of one of so many."""
        return Size(*(part / count for part in self))

    def without(self, other: Size) -> Size:
        """What is more than in another one."""
        return Size(*(mine - its for mine, its in zip(self, other, strict=True)))

    def plus(self, times: float, other: Size) -> Size:
        """With so many times another one."""
        return Size(*(mine + times * its for mine, its in zip(self, other, strict=True)))


def measured(models: int, builds: int) -> tuple[Size, Size]:
    """What one model costs, with its first run, and what each further run costs."""
    project = Project("size", models)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.db"
        first = _built(project, path, range(1))
        last = _built(project, path, range(1, 1 + builds))
    return first.per(models), last.without(first).per(models * builds)


def _built(project: Project, path: Path, builds: range) -> Size:
    store = SqliteStore(path)
    sink = GraphSink(store, IdentityRules.of())
    for number in builds:
        sink.write([decode(value) for _, value in project.build(number)])
    return _closed(store, path)


def _closed(store: SqliteStore, path: Path) -> Size:
    """Returns the size of all that a graph holds, and closes it."""
    count, properties = {"vertex": 0, "edge": 0}, 0
    for element in schema.ELEMENTS:
        all_of = store.vertices if element.kind == "vertex" else store.edges
        for one in all_of(element.label):
            count[element.kind] += 1
            properties += sum(len(key) + len(str(value)) for key, value in one.properties.items())
    store.close()
    return Size(count["vertex"], count["edge"], properties, path.stat().st_size)


def change_cost(models: int) -> Size:
    """Returns the cost of one record of a change of lineage: of a model that from one build to the next reads less."""
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "graph.db")
        sink = GraphSink(store, IdentityRules.of())
        for number, reads in ((0, 2), (1, 1)):
            sink.write([decode(value) for _, value in Project("size", models, reads).build(number)])
        entries = change_log.changes_since(store, "", 10 * models)
        records = [
            entry.record for entry in entries if any(one.kind is Kind.EDGE_REMOVED for one in entry.record.changes)
        ]
        store.close()
        without, with_ = (_logged(records, Path(folder) / f"{name}.db", keeps=keeps) for name, keeps in KEEPS.items())
        return with_.without(without).per(len(records))


KEEPS = {"without": False, "with": True}


def _logged(records: Sequence[ChangeRecord], path: Path, *, keeps: bool) -> Size:
    """Returns the size of a graph of the jobs and names of records, with the records or without."""
    store = SqliteStore(path)
    owners: dict[str, str] = {}
    for step in (step for record in records for step in change_log.steps_of(record, "0")):
        if isinstance(step, Edge):
            owners[step.target] = schema.JOB if step.target.startswith("job/") else schema.NAME
    first = PropertyEquals("rev", "0")
    store.write([Change(Vertex(id_, label, {"rev": "0"}), NotExists(), first) for id_, label in sorted(owners.items())])
    for record in records if keeps else ():
        job = Vertex(ids.job(record.job or JobName("", "")), schema.JOB, {})
        store.write([Change(job, first, first, change_log.steps_of(record, "0"))])
    change_log.acknowledge(store, change_log.pending(store, len(records)))
    return _closed(store, path)


def rows(of_model: Size, of_run: Size, of_change: Size) -> list[list[str]]:
    """The table: one model, one run, and projects of several sizes."""
    found = [_row("a model of 12 columns that reads two", of_model), _row("each further run of it", of_run)]
    nothing = Size(0, 0, 0, 0)
    for models, builds in PROJECTS:
        often = "hourly" if builds > 1 else "daily"
        project = nothing.plus(models, of_model)
        day = nothing.plus(models * builds, of_run)
        found.append(_row(f"{models:,} models", project))
        found.append(_row(f"- each day, built {often}", day))
        found.append(_row(f"- with runs of {KEPT_DAYS} days, built {often}", project.plus(KEPT_DAYS, day)))
    found.append(_row("a change of a model's lineage, in the log", of_change))
    found.append(_row(f"- {CHANGES_A_DAY} a day in two years", nothing.plus(CHANGES_A_DAY * TWO_YEARS, of_change)))
    return found


def _row(what: str, size: Size) -> list[str]:
    return [what, f"{size.vertices:,.0f}", f"{size.edges:,.0f}", _bytes(size.properties), _bytes(size.size)]


def _bytes(size: float) -> str:
    for unit, name in ((GIB, "GiB"), (MIB, "MiB")):
        if size >= unit:
            return f"{size / unit:,.1f} {name}"
    return f"{size / KIB:,.1f} KiB"


def main() -> None:
    """Counts and prints the table."""
    options = parser("bench.size", __doc__ or "")
    options.add_argument("--models", type=int, default=200, help="models of the project that is counted (200)")
    options.add_argument("--builds", type=int, default=5, help="how often it is built again (5)")
    chosen = options.parse_args()
    of_model, of_run = measured(chosen.models, chosen.builds)
    heads = ("what", "vertices", "edges", "properties", "SQLite file")
    found = rows(of_model, of_run, change_cost(chosen.models))
    tell("bench.size", table(heads, found), write=chosen.write)


if __name__ == "__main__":
    main()
