"""DataZone's look-alike: its limits, asset links and faults, for real boto3 clients."""

from __future__ import annotations

import contextlib
import http.client
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from consumer.config.loader import Settings
from consumer.config.settings import DataZoneSettings, IdentitySettings
from tests.support.processes.server_process import STAND_INS, Server, ask, await_port, free_port
from tests.support.waiting import wait_until

DOMAIN = "dzd_standin"
OTHER_DOMAIN = "dzd_other"
ACCOUNT = "123456789012"
KEYS = {"own": ("AKIAOWN", "own-secret", ACCOUNT), "other": ("AKIAOTHER", "other-secret", "210987654321")}
"""Who may call: key, secret and account."""

GLUE = f"arn:aws:glue:us-east-1:{ACCOUNT}:table"
SERVERLESS = f"redshift://imdb-wg.{ACCOUNT}.us-east-1.redshift-serverless.amazonaws.com:5439"
PROVISIONED = "redshift://imdb-cluster.abc123xyz789.us-east-1.redshift.amazonaws.com:5439"
"""A cluster's endpoint, which has a hash where DataZone looks for the account."""

PATIENCE_S = 120


def led_to(server: DataZoneServer, monkeypatch: pytest.MonkeyPatch) -> DataZoneServer:
    """An empty stand-in that boto3 finds in this process and its children."""
    server.reset()
    for name, value in server.environment_for().items():
        monkeypatch.setenv(name, value)
    return server


class DataZoneServer(Server):
    """Two domains in us-east-1, and signatures that are checked.

    Args:
        tps: Posts a second that an account may make; 0 for any number.
        process_delay: Seconds that an event takes to be processed.
        hashed_hosts: How a cluster's endpoint is read.
    """

    def __init__(self, tps: float = 0, process_delay: float = 0.0, hashed_hosts: str = "raw") -> None:
        super().__init__("datazone", 'kill -9 "$(cat "$STATE/pid")"')
        self.port = free_port()
        command = [sys.executable, str(STAND_INS / "datazone" / "fake_datazone.py"), "--seed", "1"]
        command += ["--listen", f"127.0.0.1:{self.port}", "--domain", DOMAIN, "--domain", OTHER_DOMAIN]
        command += ["--tps", str(tps), "--process-delay", str(process_delay), "--hashed-hosts", hashed_hosts]
        for key in KEYS.values():
            command += ["--iam", ":".join(key)]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        (self.state / "pid").write_text(str(self._process.pid))
        await_port(self.port, self._process)

    @property
    def url(self) -> str:
        """Its address, as AWS_ENDPOINT_URL_DATAZONE has it."""
        return f"http://127.0.0.1:{self.port}"

    def environment_for(self, caller: str = "own") -> dict[str, str]:
        """Variables that lead boto3 here, as one of `KEYS`."""
        key, secret, _ = KEYS[caller]
        return {
            "AWS_ENDPOINT_URL_DATAZONE": self.url,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(self.state / "no-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.state / "no-credentials"),
        }

    def faults(self, **plan: Any) -> None:
        """Replaces the fault plan; without arguments there are none."""
        ask(self.port, "PUT", "/_faults", plan)

    def stats(self) -> dict[str, Any]:
        """Its numbers since the last `reset`."""
        return dict(ask(self.port, "GET", "/_stats"))

    def events(self) -> list[dict[str, Any]]:
        """All stored events, in order."""
        return list(ask(self.port, "GET", "/_events"))

    def graph(self, domain: str = DOMAIN) -> dict[str, Any]:
        """The nodes of a domain by sourceIdentifier."""
        return dict(ask(self.port, "GET", "/_graph")[domain])

    def assets(self, sources: Sequence[str]) -> None:
        """Replaces the catalog by assets with these sourceIdentifiers."""
        ask(self.port, "PUT", "/_assets", [{"sourceIdentifier": source} for source in sources])

    def reset(self) -> None:
        """Forgets events and faults, and the catalog."""
        ask(self.port, "POST", "/_reset")
        self.assets([])

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Waits for something that comes by itself."""

        def check() -> None:
            assert self._process.poll() is None, f"the stand-in ended with {self._process.returncode}"

        wait_until(condition, what, patience_s=PATIENCE_S, check=check, context=lambda: str(self.stats()))

    def heal(self) -> None:
        """Takes the faults away."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            self.faults()

    def close(self) -> None:
        """Stops it."""
        super().close()
        self._process.wait(60)


def settings(*prefixes: Sequence[str], **datazone: Any) -> Settings:
    """Settings for the stand-in's domain; what is said to be the same, and more of the group `datazone`."""
    same = IdentitySettings.model_validate({"same": [{"prefixes": list(group)} for group in prefixes]})
    group = DataZoneSettings.model_validate({"domain_id": DOMAIN, "account_id": ACCOUNT} | datazone)
    return Settings(identity=same, datazone=group)


def recorded(name: str) -> list[bytes]:
    """The recorded events of a real dbt-ol run."""
    return (Path(__file__).parents[2] / "data" / "samples" / f"{name}.jsonl").read_bytes().splitlines()


def tables(lines: Sequence[bytes]) -> set[tuple[str, str]]:
    """Namespace and name of all tables in recorded events that real assets can have; dbt's audit tables are none."""
    datasets = [d for line in lines for event in [orjson.loads(line)] for d in (*event["inputs"], *event["outputs"])]
    return {(d["namespace"], d["name"]) for d in datasets if "dbt_test__audit" not in d["name"]}
