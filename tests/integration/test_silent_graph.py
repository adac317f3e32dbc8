"""A graph that takes connections and says nothing: nobody waits for it longer than told, and nothing is lost by it."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consumer import wiring
from consumer.commands.consume import UPKEEP_PATIENCE
from consumer.setting_groups import UpkeepSettings
from consumer.settings import load
from consumer.telemetry.probe import Probe
from consumer.upkeep import Upkeep
from tests.support.consuming import HEADWATER, Field, export_of, exported
from tests.support.servers import GremlinServer, KafkaBroker
from tests.support.silent_graph import SilentGraph
from tests.support.small_events import records

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


def test_a_reader_is_interrupted() -> None:
    """Ctrl-C ends the wait for an answer, which may take longer than a person likes."""
    with SilentGraph(greets=True) as graph:
        process = started("lineage", "t", "--graph", graph.url)
        assert graph.asked.wait(PATIENCE_S), "nothing was asked"
        process.send_signal(signal.SIGINT)
        code, _, complained = ended(process)
    assert (code, complained) == (130, "headwater: interrupted\n"), complained


@pytest.mark.parametrize("at_work", [False, True], ids=["no upgrade", "silent at work"])
def test_sigterm_while_the_graph_is_silent(
    kafka_broker: KafkaBroker, gremlin_server: GremlinServer, tmp_path: Path, *, at_work: bool
) -> None:
    """The service ends well and in time, its offsets stay, and the next one writes what it could not."""
    gremlin_server.clear()
    stream = records(1000)
    backend = gremlin_server.port if at_work else None
    with SilentGraph(greets=False, backend=backend) as graph:
        field = Field(kafka_broker, graph.url, tmp_path, 1, UPKEEP__RECONCILE_EVERY_S="0", LOG__FORMAT="json")
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
            assert service.told("stopping with records unwritten"), service.said()
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
        left_in_time(Probe(lambda: wiring.ask_graph(settings, stop), reached.set), graph, stop)
    assert not reached.is_set()


@both
def test_the_upkeep_ends(stop: threading.Event, *, greets: bool) -> None:
    """Neither does what it is about to mend."""
    with SilentGraph(greets=greets) as graph:
        settings = UpkeepSettings(reconcile_every_s=1)
        upkeep = Upkeep(lambda: wiring.open_graph(graph.url, UPKEEP_PATIENCE, stop), settings, look_every_s=0.01)
        left_in_time(upkeep, graph, stop)
