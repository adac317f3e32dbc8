"""Upkeep beside writers on a real server, as the service does it, and as commands."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from consumer.config.settings import MaintenanceSettings
from consumer.errors import TransientError
from consumer.graph.gremlin.gremlin_store import open_gremlin
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import GraphStore
from consumer.lineage.identity import NO_RULES
from consumer.maintenance.leased_task import JobLease, run_job
from consumer.maintenance.reconcile import Reconcile
from consumer.maintenance.scheduler import MaintenanceThread
from consumer.projection.graph_writer import GraphWriter
from consumer.render import export_json
from tests.support.events.event_builders import at, dataset, run_event
from tests.support.events.event_strategies import GLUE
from tests.support.graph.graph_of_events import difference, folded, shuffled, whole, write
from tests.support.oracle.expected_graph import expected
from tests.support.processes.command_line import headwater
from tests.support.processes.servers import GremlinServer
from tests.support.waiting import wait_until

PATIENCE_S = 120.0
"""For how long something may take that should take a second."""

Json = dict[str, Any]


def late_links(models: int) -> list[Json]:
    """Runs of a chain of models, and for each table a symlink that is told only once, by a DatasetEvent."""
    found: list[Json] = []
    for number in range(models):
        found += [
            run_event("START", 1, run=f"r{number}", job=f"j{number}", inputs=[f"t{number}"]),
            run_event("COMPLETE", 2, run=f"r{number}", job=f"j{number}", outputs=[f"t{number + 1}"]),
            {"eventTime": at(3), "dataset": dataset(f"t{number}", symlinks=_glue(number))},
        ]
    return found


def _glue(number: int) -> Json:
    return {"identifiers": [{"namespace": GLUE, "name": f"table/db/t{number}", "type": "TABLE"}]}


def together(*works: Callable[[], None]) -> None:
    """Does several things at once; fails with what went wrong in any of them."""
    faults: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - the test fails with it, below
            faults.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert not faults, f"one of several failed: {faults!r}"
    assert not any(thread.is_alive() for thread in threads), "one of several hangs"


def patiently(store: GraphStore, batches: Sequence[Sequence[Any]]) -> None:
    """Writes as the service does: what the server can't serve now is tried again."""
    writer = GraphWriter(store)
    for batch in batches:
        delta = folded(batch)
        for attempt in range(20):
            try:
                writer.apply(delta)
                break
            except TransientError:
                assert attempt < 19, "a batch can't be written"


def test_late_links_with_writers_at_once(gremlin_server: GremlinServer) -> None:
    """Three writers of a third each, links between names among them, and a reconcile all the time: the law's bytes."""
    gremlin_server.clear()
    documents = late_links(12)
    parts = [shuffled(documents[start::3], start, 3) for start in range(3)]
    written = threading.Event()

    def writer(batches: Sequence[Sequence[Any]]) -> Callable[[], None]:
        def work() -> None:
            with closing(open_gremlin(gremlin_server.url)) as store:
                patiently(store, batches)

        return work

    def reconciler() -> None:
        with closing(open_gremlin(gremlin_server.url)) as store:
            while not written.is_set():
                run_job(
                    Reconcile(store, NO_RULES, 10), JobLease(store, "reconcile", "at once", lambda: 0.0), written.is_set
                )

    def writers() -> None:
        try:
            together(*map(writer, parts))
        finally:
            written.set()

    together(writers, reconciler)
    with closing(open_gremlin(gremlin_server.url)) as store:
        for now in (1e9, 1.1e9):  # the first one ends what was begun with writers at work
            run_job(Reconcile(store, NO_RULES), JobLease(store, "reconcile", "at the end", partial(float, now)))
        changed = difference(whole(store), export_json.to_json(expected(documents)))
        assert not changed, f"the graph is not the law's:\n{changed}"
        again = Reconcile(store, NO_RULES)
        run_job(again, JobLease(store, "reconcile", "once more", lambda: 2e9))
        assert again.result.repaired == 0, "and a further reconcile finds nothing to do"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A graph of three runs of one job, of which two are old, with an edge that is missing."""
    path = tmp_path / "graph.db"
    with closing(SqliteStore(path)) as store:
        *old, last = (run_event("COMPLETE", n, run=f"r{n}", inputs=["a"], outputs=["b"]) for n in (1, 2, 3))
        aged = [run | {"eventTime": run["eventTime"].replace("2026", "2020")} for run in old]
        write(store, [[*aged, last | {"eventTime": datetime.now(UTC).isoformat()}]])
        damage(store)
    return path


def damage(store: SqliteStore) -> None:
    """Takes an edge away behind everybody's back."""
    done = store._db.execute("DELETE FROM edges WHERE label = (SELECT key FROM words WHERE text = 'lineage_edge')")
    assert done.rowcount == 1


def edges_of(path: Path) -> list[Any]:
    """The dataset edges of a graph's file."""
    with closing(SqliteStore(path)) as store:
        found = export_json.document(store)["dataset_edges"]
    return list(found)


def runs_of(path: Path) -> set[str]:
    """The runs of a graph's file."""
    with closing(SqliteStore(path)) as store:
        return {run["id"] for run in export_json.document(store)["runs"]}


def test_the_service_keeps_its_graph_up(file: Path) -> None:
    """The thread mends and prunes by its settings, again and again, and is gone at its end."""
    settings = MaintenanceSettings(reconcile_every_s=0.001, runs_older_than_days=30)
    with MaintenanceThread(lambda: SqliteStore(file), settings, NO_RULES, check_every_s=0.01):
        wait_until(lambda: runs_of(file) == {"r3"}, "the prune")
        wait_until(lambda: len(edges_of(file)) == 1, "the reconcile")
        with closing(SqliteStore(file)) as store:
            damage(store)
        wait_until(lambda: len(edges_of(file)) == 1, "a second reconcile")
    assert "upkeep" not in {thread.name for thread in threading.enumerate()}


def test_a_graph_that_fails_is_tried_again(file: Path) -> None:
    """A graph that can't be opened, or an error that nobody thought of, does not end the upkeep."""
    errors: list[Exception] = [RuntimeError("a fault"), TransientError("not now")]

    def opens() -> GraphStore:
        if errors:
            raise errors.pop()
        return SqliteStore(file)

    with MaintenanceThread(opens, MaintenanceSettings(), NO_RULES, check_every_s=0.01):
        wait_until(lambda: len(edges_of(file)) == 1, "the reconcile")
    assert not errors


def test_nothing_to_do_needs_no_thread(file: Path) -> None:
    """Switched off by its settings, the upkeep does not even open the graph."""

    def opens() -> GraphStore:
        raise AssertionError("nobody asked for a graph")

    with MaintenanceThread(opens, MaintenanceSettings(reconcile_every_s=0), NO_RULES):
        assert "upkeep" not in {thread.name for thread in threading.enumerate()}
    assert edges_of(file) == []


def test_the_command_reconcile(file: Path) -> None:
    """It mends, and says what it did; then there is nothing to do."""
    done = headwater("reconcile", "--graph", f"sqlite:///{file}", "--json")
    assert (done.exit_code, json.loads(done.stdout)["repaired"] > 0) == (0, True), done.output
    assert len(edges_of(file)) == 1
    again = headwater("reconcile", "--graph", f"sqlite:///{file}")
    assert "repaired 0" in again.stderr, again.output


def test_another_process_is_at_it(file: Path) -> None:
    """The command says who is, and until when, and changes nothing."""
    with closing(SqliteStore(file)) as store:
        JobLease(store, "reconcile", "host:1:a", time.time).acquire("")
    done = headwater("reconcile", "--graph", f"sqlite:///{file}")
    assert (done.exit_code, "host:1:a holds the lease of reconcile" in done.stderr) == (1, True), done.output
    assert edges_of(file) == []


def test_the_command_prune(file: Path) -> None:
    """A dry run counts, a real one removes; lineage rests on the last run, which stays."""
    options = ("--runs-older-than", "30d", "--graph", f"sqlite:///{file}", "--json")
    told = headwater("prune", *options, "--dry-run")
    assert (json.loads(told.stdout), runs_of(file)) == ({"examined": 3, "removed": 2}, {"r1", "r2", "r3"}), told.output
    done = headwater("prune", *options)
    assert (json.loads(done.stdout), runs_of(file)) == ({"examined": 3, "removed": 2}, {"r3"}), done.output


def test_the_command_on_a_graph_without_new_events(tmp_path: Path) -> None:
    """Ages are counted from the newest event, and a line says so: the clock of this machine may be wrong."""
    path = tmp_path / "old.db"
    runs = [run_event("COMPLETE", n, run=f"r{n}", inputs=["a"], outputs=["b"]) for n in (1, 2, 3)]
    with closing(SqliteStore(path)) as store:
        write(store, [[run | {"eventTime": run["eventTime"].replace("2026", "2020")} for run in runs]])
    done = headwater("prune", "--runs-older-than", "30d", "--graph", f"sqlite:///{path}")
    assert (done.exit_code, "ages are counted from the day after it" in done.stderr) == (0, True), done.output
    assert runs_of(path) == {"r1", "r2", "r3"}


@pytest.mark.parametrize("span", ["90", "d", "-1d", "3 months"])
def test_a_span_that_is_none(span: str, file: Path) -> None:
    """It is told before anything is done."""
    done = headwater("prune", f"--runs-older-than={span}", "--graph", f"sqlite:///{file}")
    assert (done.exit_code, "write 90d" in done.stderr) == (2, True), done.output


def test_a_graph_that_is_not_there(tmp_path: Path) -> None:
    """None is made."""
    for command in (["reconcile"], ["prune", "--runs-older-than", "1d"]):
        done = headwater(*command, "--graph", f"sqlite:///{tmp_path}/none.db")
        assert (done.exit_code, "does not exist; fill it with" in done.stderr) == (2, True), done.output
    assert list(tmp_path.iterdir()) == []
