"""Neptune's look-alike: TLS, SigV4, its rules and its faults, in front of a Gremlin Server of its own."""

import ssl
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.graph.gremlin_server import GremlinServer
from tests.support.processes.certificates import self_signed
from tests.support.processes.server_process import STAND_INS, Server, ask, await_port, free_port


class Credentials(NamedTuple):
    """The one caller that the proxy lets in; the values are those of AWS's documentation."""

    access_key: str = "AKIDEXAMPLE"
    secret_key: str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


class NeptuneProxy(Server):
    """An instance that demands IAM authentication in us-east-1.

    Attributes:
        ca_file: The certificate that its clients must trust.
        credentials: What to sign with.
    """

    credentials = Credentials()
    region = "us-east-1"

    def __init__(self, *options: str, backend: GremlinServer | None = None) -> None:
        """Starts it.

        Args:
            options: More for its command line, such as `--idle-timeout 2`.
            backend: The Gremlin Server behind it, which it does not stop; one of its own if none is given.
        """
        self.backend = backend or GremlinServer()
        self._owns_backend = backend is None
        super().__init__("neptune", 'kill -9 "$(cat "$STATE/pid")"')
        self.port, self._control = free_port(), free_port()
        self.ca_file = self.state / "ca.pem"
        key = self.state / "key.pem"
        self_signed(self.ca_file, key)
        self._start(key, options)

    def _start(self, key: Path, options: Sequence[str]) -> None:
        command = [sys.executable, str(STAND_INS / "neptune" / "neptune_proxy.py"), "--seed", "1"]
        command += ["--listen", f"127.0.0.1:{self.port}", "--control", f"127.0.0.1:{self._control}"]
        command += ["--backend", self.backend.url, "--tls", str(self.ca_file), str(key)]
        command += ["--iam", ":".join(self.credentials), "--region", self.region, *options]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        (self.state / "pid").write_text(str(self._process.pid))
        for port in (self.port, self._control):
            await_port(port, self._process)

    @property
    def url(self) -> str:
        """Its address as a graph URL of Headwater."""
        return f"neptune://127.0.0.1:{self.port}?region={self.region}"

    @property
    def environment_of_clients(self) -> dict[str, str]:
        """Variables for a process that talks to it: credentials, and whom to trust."""
        return {
            "AWS_ACCESS_KEY_ID": self.credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": self.credentials.secret_key,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SSL_CERT_FILE": str(self.ca_file),
        }

    @property
    def ssl_context(self) -> ssl.SSLContext:
        """Trusts it and nobody else."""
        return ssl.create_default_context(cafile=self.ca_file)

    def faults(self, **settings: Any) -> None:
        """Replaces the faults in force; none without arguments. The keys are in the stand-in's README."""
        ask(self._control, "PUT", "/_faults", settings)

    def stats(self) -> dict[str, Any]:
        """What was counted since the start or the last `reset_stats`."""
        return dict(ask(self._control, "GET", "/_stats"))

    def reset_stats(self) -> None:
        """Starts counting anew."""
        ask(self._control, "DELETE", "/_stats")

    def clear(self) -> None:
        """Drops everything, without faults and uncounted."""
        self.backend.clear()

    def heal(self) -> None:
        """Takes the faults away."""
        self.faults()

    def close(self) -> None:
        """Stops it, then its own Gremlin Server."""
        super().close()
        self._process.wait(60)
        if self._owns_backend:
            self.backend.close()
