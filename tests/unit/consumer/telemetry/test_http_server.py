"""The HTTP server, asked by real clients on loopback."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress

import pytest

from consumer.config.settings import HttpSettings
from consumer.errors import UsageError
from consumer.telemetry.health import Health
from consumer.telemetry.http_server import MAX_CONNECTIONS, MAX_REQUEST_BYTES, REQUEST_TIMEOUT_S, HttpServer
from consumer.telemetry.metrics import RECORDS, Metrics


class Service:
    """A server, its health and its metrics."""

    def __init__(self, timeout_s: float = REQUEST_TIMEOUT_S) -> None:
        self.seconds_since_progress = 0.0
        self.metrics = Metrics()
        self.health = Health(HttpSettings(), threading.Event(), lambda: 1e9)
        self.health.follow(lambda: self.seconds_since_progress)
        self.server = HttpServer("127.0.0.1", 0, self.health, self.metrics.registry, timeout_s)

    def get(self, path: str) -> tuple[int, str, bytes]:
        """Status, content type and body."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.getheader("Content-Type") or "", answer.read()

    def connected(self) -> socket.socket:
        """A client's connection."""
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=60)

    def raw(self, request: bytes) -> bytes:
        """The answer to bytes."""
        with self.connected() as client:
            client.sendall(request)
            return received(client)


def received(client: socket.socket) -> bytes:
    """All that the server sends."""
    return b"".join(iter(lambda: client.recv(65536), b""))


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
        "reasons": ["no progress for 301 s; restart the service"],
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
    port = service.server.port
    with pytest.raises(UsageError, match=rf"can't listen on http.port {port} of http.host 127.0.0.1: .* in use; set"):
        HttpServer("127.0.0.1", port, service.health, service.metrics.registry)


def test_a_host_of_somebody_else(service: Service) -> None:
    """A host that can't be found or is not this machine's is a wrong setting, too."""
    for host in ("no-such-host.invalid", "192.0.2.1"):
        with pytest.raises(UsageError, match=f"can't listen on http.port 0 of http.host {host}: "):
            HttpServer(host, 0, service.health, service.metrics.registry)


def test_invalid_request_target(service: Service) -> None:
    """400, in words; what is no HTTP, or too long, is answered too."""
    for target, status in {"http://[::1": 400, "/healthz?" + "x" * MAX_REQUEST_BYTES: 431}.items():
        assert service.raw(f"GET {target} HTTP/1.1\r\n\r\n".encode()).split()[1] == str(status).encode()
    many = b"".join(b"x-%d: y\r\n" % number for number in range(500))
    assert b" 431 " in service.raw(b"GET / HTTP/1.1\r\n" + many + b"\r\n")
    assert b"400" in service.raw(b"\x16\x03\x01 no HTTP at all\r\n\r\n")


def test_request_in_pieces(service: Service) -> None:
    """A request may come byte by byte, and end its lines without a carriage return."""
    with service.connected() as client:
        for byte in b"GET /healthz HTTP/1.1\nHost: x\n\n":
            client.sendall(bytes([byte]))
        assert received(client).startswith(b"HTTP/1.0 200 OK")


def test_silent_and_dribbling_clients_starve_nobody(service: Service) -> None:
    """However many there are, whoever sends a request is answered at once."""
    with ExitStack() as others:
        for number in range(3 * MAX_CONNECTIONS):
            client = others.enter_context(service.connected())
            if number % 2:
                client.sendall(b"GET /healthz HTTP/1.1\r\nX")
            if number % 10 == 0:
                assert service.get("/healthz")[0] == 200
        assert service.get("/metrics")[0] == 200


def test_a_request_has_a_limit_as_a_whole() -> None:
    """A client that sends a byte from time to time is cut off, as is one that sends nothing."""
    service = Service(timeout_s=0.3)
    with service.server, service.connected() as silent, service.connected() as dribbling:
        dribbling.sendall(b"GET /healthz HTTP/1.1\r\n")
        dribbling.settimeout(0.02)
        for _ in range(3000):
            try:
                dribbling.sendall(b"X")
                assert dribbling.recv(1) == b"", "an answer to half a request"
                break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        else:
            pytest.fail("it was never cut off")
        with suppress(ConnectionError):
            assert silent.recv(1) == b""


def test_client_that_does_not_read(service: Service) -> None:
    """It keeps nobody else waiting."""
    with service.connected() as lazy:
        lazy.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert service.get("/healthz")[0] == 200


def test_closing_ends_its_thread() -> None:
    """The owner joins it, and the port is free."""
    service = Service()
    port = service.server.port
    with service.server:
        assert service.get("/healthz")[0] == 200
    assert "headwater-http" not in {thread.name for thread in threading.enumerate()}
    with HttpServer("127.0.0.1", port, service.health, service.metrics.registry):
        pass
