"""The HTTP server, asked by real clients on loopback."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from consumer.errors import UsageError
from consumer.setting_groups import HttpSettings
from consumer.telemetry.health import Health
from consumer.telemetry.metrics import RECORDS, Metrics
from consumer.telemetry.server import MOST_REQUESTS, PATIENCE_S, HttpServer


class Service:
    """A server, its health and its metrics."""

    def __init__(self) -> None:
        self.still_s = 0.0
        self.metrics = Metrics()
        self.health = Health(HttpSettings(), threading.Event(), lambda: 1e9)
        self.health.follow(lambda: self.still_s)
        self.server = HttpServer("127.0.0.1", 0, self.health, self.metrics.registry)

    def get(self, path: str) -> tuple[int, str, bytes]:
        """Status, content type and body."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.getheader("Content-Type") or "", answer.read()


@pytest.fixture
def service() -> Iterator[Service]:
    """A running server."""
    made = Service()
    with made.server:
        yield made


def test_healthz(service: Service) -> None:
    """200 while the loop moves."""
    assert service.get("/healthz") == (200, "application/json", b'{"status": "ok", "reasons": []}\n')


def test_healthz_of_a_loop_that_stands_still() -> None:
    """503 with the reason."""
    now = [0.0]
    health = Health(HttpSettings(), threading.Event(), lambda: now[0])
    service = Service()
    with HttpServer("127.0.0.1", 0, health, service.metrics.registry) as service.server:
        assert service.get("/healthz")[0] == 200
        now[0] = 301
        status, _, body = service.get("/healthz")
    assert status == 503
    assert json.loads(body) == {
        "status": "unavailable",
        "reasons": ["the loop has taken no step for 301 s; restart the service"],
    }


def test_readyz(service: Service) -> None:
    """503 with all reasons, then 200."""
    status, _, body = service.get("/readyz?verbose=1")
    assert (status, len(json.loads(body)["reasons"])) == (503, 2)
    service.health.read(member=True)
    service.health.reached()
    assert service.get("/readyz")[0] == 200


def test_metrics(service: Service) -> None:
    """Prometheus's text, of our registry and no other."""
    service.metrics[RECORDS].inc(5)
    status, kind, body = service.get("/metrics")
    assert (status, kind.partition(";")[0]) == (200, "text/plain")
    assert b"\nheadwater_records_total 5.0\n" in body
    assert b"python_gc" not in body, "the library's global registry"


def test_other_paths(service: Service) -> None:
    """404 says what there is; other methods are not served."""
    status, _, body = service.get("/")
    assert (status, json.loads(body)) == (404, {"paths": ["/healthz", "/readyz", "/metrics"]})
    with closing(http.client.HTTPConnection("127.0.0.1", service.server.port, timeout=60)) as connection:
        connection.request("POST", "/healthz", b"x")
        answer = connection.getresponse()
        assert answer.status == 501
        assert answer.getheader("Server") == "headwater", "the interpreter's version is told"


def test_a_port_in_use(service: Service) -> None:
    """Says which setting to change."""
    with pytest.raises(UsageError, match=rf"http.port {service.server.port} of http.host 127.0.0.1 .* in use; set"):
        HttpServer("127.0.0.1", service.server.port, service.health, service.metrics.registry)


def test_a_host_of_somebody_else(service: Service) -> None:
    """A host that can't be found or is not this machine's is a wrong setting, too."""
    for host in ("no-such-host.invalid", "192.0.2.1"):
        with pytest.raises(UsageError, match=f"http.host {host} can't be listened on"):
            HttpServer(host, 0, service.health, service.metrics.registry)


def test_clients_that_say_nothing(service: Service) -> None:
    """They get a bounded number of threads, and lose them after a while; then others are served again."""
    with ExitStack() as silent:
        for _ in range(MOST_REQUESTS):
            silent.enter_context(socket.create_connection(("127.0.0.1", service.server.port)))
        with socket.create_connection(("127.0.0.1", service.server.port), timeout=60) as one_more:
            assert one_more.recv(1) == b"", "it is not turned away"
        for _ in range(100):
            try:
                assert service.get("/healthz")[0] == 200
                break
            except ConnectionError:
                threading.Event().wait(PATIENCE_S / 10)
        else:
            pytest.fail("silent clients keep the server for good")


def test_closing_ends_its_thread() -> None:
    """The owner joins it, and the port is free."""
    service = Service()
    port = service.server.port
    with service.server:
        assert service.get("/healthz")[0] == 200
    assert "headwater-http" not in {thread.name for thread in threading.enumerate()}
    with HttpServer("127.0.0.1", port, service.health, service.metrics.registry):
        pass
