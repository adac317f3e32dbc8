"""A graph that takes connections and says nothing: nobody waits for it longer than told, and nothing is lost by it."""

from __future__ import annotations

import gc
import logging
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from consumer import wiring
from consumer.cli.commands.ingestion.consume import MAINTENANCE_RETRY_POLICY
from consumer.cli.interruption import ADVICE
from consumer.config.loader import load
from consumer.config.settings import MaintenanceSettings
from consumer.errors import TransientError
from consumer.graph.gremlin import traversals
from consumer.graph.gremlin.connection import GremlinConnections
from consumer.graph.gremlin.deadline import RetryPolicy
from consumer.graph.gremlin.endpoint import Address
from consumer.lineage.identity import NO_RULES
from consumer.maintenance.scheduler import MaintenanceThread
from consumer.telemetry.readiness_probe import ReadinessProbe
from tests.support.brokers.consuming_processes import HEADWATER, Field, export_of, exported
from tests.support.events.small_events import records
from tests.support.graph.silent_graph import SilentGraph
from tests.support.processes.servers import GremlinServer, KafkaBroker

ROOT = Path(__file__).parents[3]

GRACE_S = 45.0
"""Less than the minute that an orchestrator gives by docs/operating.md; without an end of the waiting it is minutes."""

PATIENCE_S = 120.0

both = pytest.mark.parametrize("greets", [False, True], ids=["no upgrade", "no answer"])
"""Silent from the start, or once the WebSocket is open."""


def started(*arguments: str) -> subprocess.Popen[str]:
    """`headwater ARGUMENTS` as a process of its own, which a wait without end can't hold up."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
    pipe = subprocess.PIPE
    return subprocess.Popen([HEADWATER, *arguments], env=kept, stdout=pipe, stderr=pipe, text=True)


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a process that ends in time."""
    try:
        said, complained = process.communicate(timeout=GRACE_S)
    finally:
        process.kill()
        process.wait()
    return process.returncode, said, complained


def test_whoever_asks_is_told() -> None:
    """A command says within seconds what is not there, be it TLS already; all at once, as each waits for ten."""
    with SilentGraph(greets=False) as closed, SilentGraph(greets=True) as mute:
        secure = closed.url.replace("ws", "wss")
        cases = [
            (("check", "graph"), closed.url, "no connection to"),
            (("check", "graph"), mute.url, "no answer from"),
            (("lineage", "t"), closed.url, "no connection to"),
            (("lineage", "t"), secure, "no connection to"),
        ]
        running = [started(*command, "--graph", url) for command, url, _ in cases]
        found = [ended(process) for process in running]
    for (command, url, lack), (code, said, complained) in zip(cases, found, strict=True):
        assert (code, f"{lack} {url} within 10 s" in said + complained) == (1, True), (command, said + complained)


COMMANDS = (
    "lineage t",
    "export",
    "reconcile",
    "prune --runs-older-than 90d",
    "check graph",
    f"ingest {ROOT / 'tests' / 'data' / 'graphs' / '0.1.0.jsonl'}",
    f"backfill {ROOT / 'tests' / 'data' / 'article' / 'athena_manifest.json'}",
)
"""Every command that opens a graph, but the service and `replay`, which need Kafka."""


@both
def test_a_command_is_interrupted(*, greets: bool) -> None:
    """Ctrl-C ends the wait for a connection or an answer, in every command, with one line and its exit code."""
    with ExitStack() as stack:
        graphs = [stack.enter_context(SilentGraph(greets=greets)) for _ in COMMANDS]
        running = [
            started(*command.split(), "--graph", graph.url) for command, graph in zip(COMMANDS, graphs, strict=True)
        ]
        for command, graph, process in zip(COMMANDS, graphs, running, strict=True):
            assert graph.asked.wait(PATIENCE_S), f"{command} asked nothing: {ended(process)}"
            process.send_signal(signal.SIGINT)
        found = {command: ended(process) for command, process in zip(COMMANDS, running, strict=True)}
    for command, (code, _, complained) in found.items():
        # backfill has said before what it read.
        said = complained if not command.startswith("backfill") else complained[complained.rfind("headwater: inter") :]
        repeated = command.split()[0] in {"ingest", "backfill", "prune", "reconcile"}
        expected = f"headwater: interrupted; {ADVICE}\n" if repeated else "headwater: interrupted\n"
        assert (code, said) == (130, expected), f"{command}: {complained}"
        assert "{" not in complained, f"{command} logged something: {complained}"


@both
def test_an_interrupt_leaves_no_callback_behind(caplog: pytest.LogCaptureFixture, *, greets: bool) -> None:
    """Whenever a connection is closed while it asks, no callback of the driver or of asyncio fails afterwards.

    The close comes from another thread, at once after the server has seen something: just then the driver hands the
    request over from its writer to its reader.
    """

    def close_while_asking(_: int) -> str:
        with SilentGraph(greets=greets) as graph:
            connection = GremlinConnections(Address.parse(graph.url), RetryPolicy(max_elapsed_s=PATIENCE_S))
            asking = threading.Thread(target=ask, args=(connection,), daemon=True)
            asking.start()
            graph.asked.wait(PATIENCE_S)
            connection.close()
            asking.join(GRACE_S)
            return "it waits on" if asking.is_alive() else ""

    def ask(connection: GremlinConnections) -> None:
        with suppress(TransientError):
            connection.submit(traversals.read(["headwater:ping"], ()))

    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(close_while_asking, range(16)))
    gc.collect()  # asyncio reports what it left behind when that is collected
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("at_work", [False, True], ids=["no upgrade", "silent at work"])
def test_sigterm_while_the_graph_is_silent(
    kafka_broker: KafkaBroker, gremlin_server: GremlinServer, tmp_path: Path, *, at_work: bool
) -> None:
    """The service ends well and in time, its offsets stay, and the next one writes what it could not."""
    gremlin_server.clear()
    stream = records(1000)
    backend = gremlin_server.port if at_work else None
    with SilentGraph(greets=False, backend=backend) as graph:
        field = Field(kafka_broker, graph.url, tmp_path, 1, MAINTENANCE__RECONCILE_EVERY_S="0", LOG__FORMAT="json")
        with field.consuming("stopped") as service:
            if backend is not None:
                field.send(stream[:500])
                field.until_lag(0)
                graph.hush()
                stream = stream[500:]
            field.send(stream)
            committed = kafka_broker.committed(field.topic, field.group)
            field.until(graph.asked.is_set, "the graph is asked")
            service.send(signal.SIGTERM)
            assert service.process.wait(GRACE_S) == 0, service.said()
            assert service.told("stopping, uncommitted records"), service.said()
    assert kafka_broker.committed(field.topic, field.group) == committed, "what is not written is not committed"
    field.graph = gremlin_server.url
    with field.consuming("next") as service:
        field.until_lag(0)
        service.stop()
    assert exported(gremlin_server.url) == export_of([value for _, value in records(1000)], tmp_path)


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    """A request to stop; made at the end at the latest."""
    event = threading.Event()
    yield event
    event.set()


def left_in_time(context: Any, graph: SilentGraph, stop: threading.Event) -> None:
    """Enters a context with a thread that asks the graph, has it stopped, and leaves it in time."""
    left = threading.Event()

    def work() -> None:
        with context:
            graph.asked.wait(PATIENCE_S)
            stop.set()
        left.set()

    threading.Thread(target=work, daemon=True).start()
    assert left.wait(PATIENCE_S + GRACE_S), "its end waits for the graph"
    assert graph.asked.is_set(), "nothing was asked"


@both
def test_the_probe_ends(stop: threading.Event, *, greets: bool) -> None:
    """The first question to the graph does not hold up the end."""
    reached = threading.Event()
    with SilentGraph(greets=greets) as graph:
        settings = load({"graph": graph.url})
        left_in_time(ReadinessProbe(lambda: wiring.probe_graph(settings, stop), reached.set), graph, stop)
    assert not reached.is_set()


@both
def test_the_upkeep_ends(stop: threading.Event, *, greets: bool) -> None:
    """Neither does what it is about to mend."""
    with SilentGraph(greets=greets) as graph:
        settings = MaintenanceSettings(reconcile_every_s=1)
        upkeep = MaintenanceThread(
            lambda: wiring.open_graph(graph.url, MAINTENANCE_RETRY_POLICY, stop), settings, NO_RULES, check_every_s=0.01
        )
        left_in_time(upkeep, graph, stop)
