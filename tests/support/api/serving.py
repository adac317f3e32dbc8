"""The API in the test's process, on a graph of events, and as a process of its own."""

from __future__ import annotations

import http.client
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from starlette.testclient import TestClient
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from consumer.api.access.anonymous import Anonymous
from consumer.api.access.scopes import Access
from consumer.api.app import Parts, application
from consumer.api.receivers import Received, Receiver
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import GraphStore
from tests.support.processes.server_process import free_port, tail

HEADWATER = Path(sys.executable).parent / "headwater"


class Kept:
    """A receiver that keeps events in memory, and fails as it is told.

    Attributes:
        events: What was written.
        error: Raised by each write, if there is one.
    """

    def __init__(self) -> None:
        self.events: list[Received] = []
        self.error: Exception | None = None
        self.closed = False

    def write(self, events: Sequence[Received]) -> None:
        """Keeps events."""
        if self.error is not None:
            raise self.error
        self.events += events

    def close(self) -> None:
        """Notes the end."""
        self.closed = True


@contextmanager
def client_of(file: Path, receiver: Receiver | None = None, access: Access | None = None) -> Iterator[TestClient]:
    """A client of the API on the graph in a file."""
    with client_on(lambda: SqliteStore(file), receiver, access) as client:
        yield client


@contextmanager
def client_on(
    open_store: Callable[[], GraphStore], receiver: Receiver | None = None, access: Access | None = None
) -> Iterator[TestClient]:
    """A client of the API on any graph."""
    parts = Parts(open_store, receiver, access or Anonymous(), threads=2, timeout_s=30)
    with TestClient(application(parts), raise_server_exceptions=False) as client:
        yield client


class ServeProcess:
    """One `headwater serve` process; its files may be limited as on a full disk.

    Attributes:
        port: Where it listens.
        process: The process.
    """

    def __init__(
        self,
        folder: Path,
        *options: str,
        port: int | None = None,
        most_bytes_of_a_file: int | None = None,
        **environment: str,
    ) -> None:
        self.port = port or free_port()
        self.log = folder / "serve.log"
        kept = {key: value for key, value in os.environ.items() if not key.startswith("HEADWATER_")}
        command = [str(HEADWATER), "serve", "--port", str(self.port), *options]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(command, env=kept | environment, stdout=output, stderr=output)
        if most_bytes_of_a_file is not None:
            limits = (most_bytes_of_a_file, most_bytes_of_a_file)
            resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, limits)
        retrying = Retrying(
            retry=retry_if_result(lambda status: status != 200), stop=stop_after_delay(120), wait=wait_fixed(0.05)
        )
        retrying(self._status)

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}"

    def _status(self) -> int:
        assert self.process.poll() is None, tail(self.log)
        with (
            suppress(OSError, http.client.HTTPException),
            closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection,
        ):
            connection.request("GET", "/healthz")
            return connection.getresponse().status
        return 0

    def kill(self) -> None:
        """SIGKILL; returns once it is gone."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)
