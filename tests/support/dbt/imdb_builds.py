"""Both projects of the stand-ins, built by dbt-ol into one topic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.brokers.kafka_server import KafkaBroker
from tests.support.dbt.dbt_engines import DbtEngines

NODES = {"imdb_athena": 24, "imdb_redshift": 26}
"""The projects, with their nodes."""


@dataclass(frozen=True)
class ImdbBuilds:
    """The topic, the artifacts and the events of the two builds.

    Attributes:
        topic: Where the events of both are.
        projects: Folders, with dbt's artifacts, by project.
        events: The events of each project as dbt-ol sent them, by project.
    """

    topic: str
    projects: Mapping[str, Path]
    events: Mapping[str, list[bytes]]


def build_both(kafka_broker: KafkaBroker, dbt_engines: DbtEngines, folder: Path) -> ImdbBuilds:
    """Builds Athena's project and then Redshift's, which reads what the first one made."""
    topic = kafka_broker.create_topic(partitions=3)
    transport = {
        "type": "emitter.transport.KafkaTransport",
        "bootstrap_servers": kafka_broker.bootstrap,
        "topic": topic,
    }
    projects: dict[str, Path] = {}
    events: dict[str, list[bytes]] = {}
    seen: set[tuple[int, int]] = set()
    for name, nodes in NODES.items():
        projects[name] = dbt_engines.copy_project(name, folder)
        done = dbt_engines.run_dbt_ol(projects[name], "build", transport=transport)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"PASS={nodes} WARN=0 ERROR=0" in done.stdout, done.stdout
        added = [record for record in kafka_broker.records(topic) if (record.partition, record.offset) not in seen]
        events[name] = [record.value for record in added if record.value is not None]
        seen |= {(record.partition, record.offset) for record in added}
    return ImdbBuilds(topic, projects, events)
