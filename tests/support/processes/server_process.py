"""What every server of the test ground needs: its tools, a free port, a folder, an end that can't be forgotten."""

import contextlib
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.support.waiting import wait_until

STAND_INS = Path(__file__).parents[2] / "stand_ins"

# Below the ports that the system gives to outgoing connections, so that none of them takes one while we look.
_LEAST_PORT, _GREATEST_PORT = 20_000, 32_000


def require(tool: str, install: str) -> None:
    """Ends the test unless a program is on PATH: skipped on a developer's machine, failed where CI=true."""
    if shutil.which(tool) is None:
        missing(f"`{tool}` is not on PATH", install)


def missing(what: str, install: str) -> NoReturn:
    """Skips the test, or fails it where CI=true: there, a proof that is left out must be seen."""
    message = f"{what}: {install}; `make setup` tells what is there"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def free_port(count: int = 1) -> int:
    """The first of `count` successive ports on which nothing listens."""
    while True:
        first = _LEAST_PORT + secrets.randbelow(_GREATEST_PORT - _LEAST_PORT - count)
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for port in range(first, first + count):
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first


def tail(log: Path, start: int = 0, limit: int = 8_000) -> str:
    """A log's text from byte `start` on, at most its last `limit` bytes."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(start, size - limit))
        return file.read().decode(errors="replace")


class Server:
    """A server on loopback with a folder of its own, which ends with this process, however that ends.

    Attributes:
        log: What it says; a failed test shows what was added during the test.
    """

    log: Path

    def __init__(self, name: str, ending: str, environment: Mapping[str, str] | None = None) -> None:
        """Prepares the end before there is a beginning.

        Args:
            name: For messages and the folder's name.
            ending: Shell commands that stop it, in whatever state it is; `$STATE` is its folder.
            environment: Variables besides this process's.
        """
        self.name = name
        # Not pytest's folder: only its owner may enter that, and PostgreSQL runs as another user.
        self.state = Path(tempfile.mkdtemp(prefix=f"headwater-{name}-"))
        self.state.chmod(0o755)
        self.environment = os.environ | {"STATE": str(self.state)} | dict(environment or {})
        self.log = self.state / "log"
        # Reads a pipe that only this process holds open: its end, by any signal, is the end of the server.
        self._guard = subprocess.Popen(
            ["bash", "-c", f'cat >/dev/null; {ending}; rm -rf "$STATE"'],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=STAND_INS,
            env=self.environment,
            start_new_session=True,
        )

    def call(self, script: str, *arguments: object, **environment: str) -> None:
        """Runs one of the stand-ins' scripts and waits for it.

        Raises:
            RuntimeError: with all that the script said, if it failed.
        """
        command = [str(STAND_INS / script), *map(str, arguments)]
        said = self.state / "script.log"
        with said.open("wb") as output:  # not a pipe, which a server would inherit and hold open
            variables = self.environment | environment
            status = subprocess.call(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=variables)
        if status:
            raise RuntimeError(f"{self.name}: {script} ended with {status}\n{tail(said)}")

    def said(self, since: int = 0) -> str:
        """What it logged from byte `since` on."""
        return tail(self.log, since)

    def heal(self) -> None:
        """Undoes what a test did to it beyond its data."""

    def close(self) -> None:
        """Stops it and removes its folder."""
        if self._guard.stdin:
            self._guard.stdin.close()
        self._guard.wait(60)


def ask(port: int, method: str, path: str, body: object = None, seconds: float = 120) -> Any:
    """An HTTP request with JSON to 127.0.0.1; gives the JSON of the answer.

    Raises:
        RuntimeError: if the status is not 200.
    """
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)) as connection:
        # Untyped GraphSON, where Gremlin Server has the choice.
        headers = {"Accept": "application/vnd.gremlin-v3.0+json;types=false, application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
    if answer.status != http.HTTPStatus.OK:
        raise RuntimeError(f"{method} {path} on port {port}: {answer.status} {text.decode(errors='replace')}")
    return json.loads(text)


def pause(pid: int, seconds: float = 50) -> None:
    """Sends SIGSTOP, and returns once all threads have stopped: on a busy machine one may go on for a while."""
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: _states(pid) == {"T"}, f"process {pid} stops", patience_s=seconds, pause_s=0.005)


def _states(pid: int) -> set[str]:
    threads = Path(f"/proc/{pid}/task").glob("*/stat")
    return {thread.read_text().rpartition(")")[2].split()[0] for thread in threads}


def await_end(pid: int, what: str, seconds: float = 50) -> None:
    """Waits until a process that need not be a child of ours has ended; Linux only."""
    wait_until(lambda: not _runs(pid), f"{what} ends", patience_s=seconds)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def await_port(port: int, process: subprocess.Popen[bytes], seconds: float = 30) -> None:
    """Waits until a process of ours, which must not end before, listens on a port of 127.0.0.1."""

    def listens() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return True
        return False

    def check() -> None:
        assert process.poll() is None, f"{process.args!r} ended with {process.returncode} before it listened"

    wait_until(listens, f"{process.args!r} listens on port {port}", patience_s=seconds, check=check)
