"""Consumers and alert services as processes on one topic and one graph, with what their receivers got."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
from kafka import KafkaProducer

from consumer.alerts.journal import Entry, Journal
from consumer.graph import change_log, ids
from consumer.graph.sqlite_store import SqliteStore
from tests.support.alerts.http_receiver import HttpReceiver
from tests.support.alerts.press_history import Step
from tests.support.alerts.press_project import FIRST
from tests.support.brokers.consuming_processes import HEADWATER
from tests.support.processes.server_process import tail
from tests.support.processes.servers import KafkaBroker
from tests.support.waiting import wait_until

Alerts = dict[str, dict[str, Any]]
"""Alerts by their ids."""

PATIENCE_S = 180.0
"""Enough for one step on a machine that is very busy."""

REST_S = 2.0
"""Seconds without a change after which changes are judged."""

ROOT = Path(__file__).parents[3]

_CHANNELS = """
[[channels]]
name = "topic"
type = "kafka"
topic = "{topic}"

[[channels]]
name = "hook"
type = "webhook"
url = "{url}"
secret = "file:{secret}"

[[rules]]
name = "lost-source"
kind = "lost_source"
[[rules]]
name = "tagged-reader"
kind = "tagged_reader"
[[rules]]
name = "column-changed"
kind = "column_changed"
[[rules]]
name = "stopped"
kind = "stopped"
[[rules]]
name = "run-failed"
kind = "run_failed"
[[rules]]
name = "quality-failed"
kind = "quality_failed"
[[rules]]
name = "two-writers"
kind = "two_writers"
[[rules]]
name = "cycle"
kind = "cycle"
[[rules]]
name = "renamed"
kind = "renamed"
[[rules]]
name = "unowned-source"
kind = "unowned_source"
"""


class AlertField:
    """A topic of events, a graph, two consumers, two alert services, a topic of alerts and a webhook.

    Args:
        broker: Kafka.
        receiver: The webhook's receiver.
        folder: For the graph, logs and declarations.
    """

    def __init__(self, broker: KafkaBroker, receiver: HttpReceiver, folder: Path) -> None:
        self._broker = broker
        self._receiver = receiver
        self._folder = folder
        self._events = broker.create_topic(partitions=3)
        self._alerts = broker.create_topic()
        self._group = f"group-{uuid.uuid4().hex[:8]}"
        self._graph = folder / "graph.db"
        self._clock = folder / "clock"
        self._hold = folder / "hold"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        (folder / "secret").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        declared = _CHANNELS.format(topic=self._alerts, url=receiver.url, secret=folder / "secret")
        (folder / "alerts.toml").write_text(declared)
        self.day(0)

    def day(self, day: int) -> None:
        """Sets the clock of the alert services to two hours after the build of a day."""
        moment = FIRST + timedelta(days=day, hours=2)
        temporary = self._clock.with_suffix(".new")
        temporary.write_text(str(moment.timestamp() - time.time()))
        temporary.rename(self._clock)

    @property
    def _environment(self) -> dict[str, str]:
        settings = {
            "GRAPH": f"sqlite:///{self._graph}",
            "KAFKA__BOOTSTRAP_SERVERS": self._broker.bootstrap,
            "KAFKA__TOPIC": self._events,
            "KAFKA__DEAD_LETTER_TOPIC": self._events,
            "KAFKA__GROUP_ID": self._group,
            "KAFKA__SESSION_TIMEOUT_S": "3",
            "KAFKA__HEARTBEAT_INTERVAL_S": "0.5",
            "BATCH__MAX_RECORDS": "5",
            "BATCH__RETRY_MAX_S": "1",
            "LOG__FORMAT": "json",
        }
        kept = {key: value for key, value in os.environ.items() if not key.startswith("HEADWATER_")}
        return kept | {f"HEADWATER_{key}": value for key, value in settings.items()}

    def start(self, *names: str) -> None:
        """Starts processes: those whose names begin with `alerts` raise alerts, the others consume."""
        for name in names:
            alerting = {
                "HEADWATER_ALERTS__FILE": str(self._folder / "alerts.toml"),
                "HEADWATER_ALERTS__PAGE_URL": "https://lineage.example",
                "HEADWATER_ALERTS__SETTLE_S": str(REST_S),
                "HEADWATER_ALERTS__EVALUATE_EVERY_S": "0.1",
                "HEADWATER_ALERTS__CHECK_EVERY_S": "0.05",
                "HEADWATER_ALERTS__LEASE_S": "3",
            }
            is_alerting = name.startswith("alerts")
            files = [str(self._clock), str(self._hold)]
            own = [sys.executable, "-m", "tests.support.alerts.alerting_process", *files]
            command = own if is_alerting else [str(HEADWATER), "consume"]
            environment = self._environment | (alerting if is_alerting else {})
            with self._log(name).open("ab") as log:
                self._processes[name] = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)

    def kill(self, name: str) -> None:
        """Ends a process with SIGKILL."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def restart(self, name: str) -> None:
        """Kills a process and starts it again."""
        self.kill(name)
        self.start(name)

    def close(self) -> None:
        """Ends all processes."""
        for name in list(self._processes):
            self.kill(name)

    @contextmanager
    def running(self, *names: str) -> Iterator[None]:
        """Runs processes within the block."""
        with ExitStack() as stack:
            stack.callback(self.close)
            self.start(*names)
            yield

    @contextmanager
    def consuming(self) -> Iterator[None]:
        """Holds the alert services for the block, and until all events are in the graph.

        Changes are judged once lineage rests, and a killed consumer's events rest until its session has ended. People
        have `alerts.settle_s` outlast that; here it would take minutes.
        """
        self._hold.touch()
        yield
        self.until_consumed()
        self._hold.unlink()

    def send(self, step: Step) -> None:
        """Sends the events of a step, keyed by job, so that several consumers share them."""
        producer = KafkaProducer(bootstrap_servers=self._broker.bootstrap)
        for event in step.events:
            key = event.get("job", {}).get("name", "")
            producer.send(self._events, key=key.encode(), value=json.dumps(event).encode())
        producer.flush()
        producer.close()

    def until_consumed(self) -> None:
        """Waits until all events are in the graph."""
        self._until(lambda: self._broker.lag(self._events, self._group) == 0, "events are consumed")

    def settle(self) -> None:
        """Waits until all events are in the graph, judged, and delivered to both channels."""
        self.until_consumed()
        with closing(SqliteStore(self._graph)) as store:
            self._until(lambda: not change_log.pending(store, 1), "changes are judged")
            count = _evaluations(store)
            # The one that runs now may have begun before the last event; the one after the next has not.
            self._until(lambda: _evaluations(store) >= count + 6, "runs are judged")
            last = max((entry.number for entry in Journal(store).all()), default=0)
            for channel in ("topic", "hook"):
                self._until(lambda name=channel: _place(store, name) >= last, f"{channel} is delivered")

    def _until(self, done: Any, what: str) -> None:

        def check() -> None:
            for name, process in self._processes.items():
                assert process.poll() is None, f"{name} ended with {process.returncode}\n{tail(self._log(name))}"

        wait_until(done, what, patience_s=PATIENCE_S, check=check, context=self.logs)

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def logs(self) -> str:
        """The ends of all logs."""
        return "\n".join(f"{name}:\n{tail(self._log(name))}" for name in self._processes)

    def journal(self) -> list[Entry]:
        """All alerts that are stored."""
        with closing(SqliteStore(self._graph)) as store:
            return list(Journal(store).all())

    def from_topic(self) -> list[dict[str, Any]]:
        """The alerts in the topic: id and data."""
        found = []
        for record in self._broker.records(self._alerts):
            headers = dict(record.headers)
            found.append({"id": headers["ce_id"].decode(), **orjson.loads(record.value or b"{}")})
        return found

    def from_hook(self) -> list[dict[str, Any]]:
        """The alerts that the webhook's receiver has acknowledged."""
        bodies = [orjson.loads(request.body) for request in list(self._receiver.accepted)]
        return [{"id": body["id"], **body["data"]} for body in bodies]


def _evaluations(store: SqliteStore) -> int:
    """Counts writes of the evaluation's lease: each evaluation makes one at least."""
    known = store.read([ids.task("alerts")], ("rev",)).get(ids.task("alerts"), {})
    return int(str(known.get("rev", "0")).partition(".")[0])


def _place(store: SqliteStore, channel: str) -> int:
    id_ = ids.task(f"alerts {channel}")
    return int(str(store.read([id_], ("place",)).get(id_, {}).get("place") or "0").partition(" ")[0])


def unique(alerts: Sequence[dict[str, Any]]) -> Alerts:
    """The alerts of a receiver that leaves out ids which it knows."""
    return {alert["id"]: alert for alert in alerts}
