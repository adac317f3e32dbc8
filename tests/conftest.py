"""The test ground: servers that start when a test first asks for them, and tell what they said when it fails."""

import gc
import os
import signal
from collections.abc import Callable, Generator, Iterator
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from xdist.scheduler.loadfile import LoadFileScheduling  # type: ignore[import-untyped]

from tests.support.datazone.fake_datazone import led_to
from tests.support.processes.servers import (
    DataZoneServer,
    DbtEngines,
    GremlinServer,
    KafkaBroker,
    NeptuneProxy,
    Server,
)
from tests.support.worker_files import place_of, work_unit_of

# A deadline per example measures the machine, not the code; under CI the examples are the same on each run.
settings.register_profile("headwater", deadline=None, derandomize=os.environ.get("CI") == "true")
settings.load_profile("headwater")

# In the background or under nohup these are ignored, and every process of a test would inherit that.
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)

ServerT = TypeVar("ServerT", bound=Server)

_KAFKAS = (3, 4)
_KAFKA = int(os.environ.get("KAFKA", "3"))
"""Major version of the broker of tests that are not marked `each_kafka`; `.ci/slow` sets it."""

# By the name of their fixture.
_running: dict[str, Server] = {}
_logged: dict[str, int] = {}


def _run(fixture: str, start: Callable[[], ServerT]) -> Iterator[ServerT]:
    server = start()
    _running[fixture] = server
    try:
        yield server
    finally:
        del _running[fixture]
        server.close()


@pytest.fixture(scope="session")
def kafka_3_broker() -> Iterator[KafkaBroker]:
    """A Kafka broker of the last 3.x."""
    yield from _run("kafka_3_broker", KafkaBroker)


@pytest.fixture(scope="session")
def kafka_4_broker() -> Iterator[KafkaBroker]:
    """The same of the newest 4.x."""
    yield from _run("kafka_4_broker", lambda: KafkaBroker(4))


@pytest.fixture(scope="session")
def kafka_broker(request: pytest.FixtureRequest) -> KafkaBroker:
    """A Kafka broker, each in turn for tests marked `each_kafka`; give topics and groups names of the test's own."""
    server: KafkaBroker = request.getfixturevalue(_kafka_fixture(getattr(request, "param", _KAFKA)))
    return server


def _kafka_fixture(major: int) -> str:
    return f"kafka_{major}_broker"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs a test that is marked `each_kafka` on a broker of each major version."""
    if "kafka_broker" in metafunc.fixturenames and metafunc.definition.get_closest_marker("each_kafka"):
        names = [f"kafka-{major}" for major in _KAFKAS]
        metafunc.parametrize("kafka_broker", _KAFKAS, indirect=True, ids=names, scope="session")


@pytest.fixture(scope="session")
def gremlin_server() -> Iterator[GremlinServer]:
    """A Gremlin Server with transactions; `clear()` it first."""
    yield from _run("gremlin_server", GremlinServer)


@pytest.fixture(scope="session")
def tinkergraph_server() -> Iterator[GremlinServer]:
    """A Gremlin Server on plain TinkerGraph, for large graphs; `clear()` it first."""
    yield from _run("tinkergraph_server", lambda: GremlinServer("tinkergraph"))


@pytest.fixture(scope="session")
def neptune_proxy() -> Iterator[NeptuneProxy]:
    """Neptune's look-alike, without faults; `clear()` it first."""
    yield from _run("neptune_proxy", NeptuneProxy)


@pytest.fixture
def neptune(neptune_proxy: NeptuneProxy, monkeypatch: pytest.MonkeyPatch) -> NeptuneProxy:
    """The look-alike, empty and uncounted, for which this process and its children have credentials."""
    for name, value in neptune_proxy.environment_of_clients.items():
        monkeypatch.setenv(name, value)
    neptune_proxy.clear()
    neptune_proxy.reset_stats()
    return neptune_proxy


@pytest.fixture(scope="session")
def dbt_engines() -> Iterator[DbtEngines]:
    """Redshift and Athena, for dbt."""
    yield from _run("dbt_engines", DbtEngines)


@pytest.fixture(scope="session")
def datazone_server() -> Iterator[DataZoneServer]:
    """DataZone's look-alike, which takes any number of posts and processes them at once; `reset()` it first."""
    yield from _run("datazone_server", DataZoneServer)


@pytest.fixture
def datazone(datazone_server: DataZoneServer, monkeypatch: pytest.MonkeyPatch) -> DataZoneServer:
    """The look-alike, empty, for which this process and its children have credentials."""
    return led_to(datazone_server, monkeypatch)


_FIXTURES = frozenset(
    {
        "datazone_server",
        "dbt_engines",
        "gremlin_server",
        "kafka_3_broker",
        "kafka_4_broker",
        "neptune_proxy",
        "tinkergraph_server",
    }
)


def _servers(item: pytest.Item) -> list[str]:
    names = set(getattr(item, "fixturenames", ()))
    if "kafka_broker" in names:
        chosen = getattr(item, "callspec", None)
        names.add(_kafka_fixture(chosen.params.get("kafka_broker", _KAFKA) if chosen else _KAFKA))
    return sorted(_FIXTURES.intersection(names))


class _FileScheduling(LoadFileScheduling):  # type: ignore[misc]
    """xdist's `loadfile`, for which some files count as one."""

    def _split_scope(self, nodeid: str) -> str:
        return work_unit_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """Keeps files that share what is costly on one worker."""
    return _FileScheduling(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Starts with the longest files on parallel workers, and then with the tests that need most servers."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: (place_of(item.nodeid), -len(_servers(item))))


def pytest_collection_finish() -> None:
    """Keeps what was imported and collected out of later garbage collections, which would look through it all."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup() -> None:
    """Notes where logs end before the test."""
    _logged.update({name: server.log.stat().st_size for name, server in _running.items() if server.log.exists()})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows what the test's servers logged meanwhile, if it failed."""
    report = yield
    if report.failed:
        for name in _servers(item):
            if (server := _running.get(name)) and (said := server.said(since=_logged.get(name, 0))):
                report.sections.append((f"{server.name}: {server.log}", said))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    """Mends the test's servers, so that what it left broken breaks no other."""
    result = yield
    for name in _servers(item):
        if name in _running:
            _running[name].heal()
    return result
