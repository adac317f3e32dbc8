"""Compose takes the file, and what it starts takes the configurations that it mounts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.brokers.kafka_server import KafkaBroker
from tests.support.docs.deployments import COMPOSE, DEPLOY, ROOT, compose
from tests.support.processes.command_line import headwater
from tests.support.processes.server_process import (
    STAND_INS,
    Server,
    await_port,
    free_port,
    missing,
    require,
)

CHECK: list[str | Path] = [
    Path(sys.executable).with_name("check-jsonschema"),
    "--builtin-schema",
    "vendor.compose-spec",
]


def test_the_specifications_schema(tmp_path: Path) -> None:
    """The file is of the Compose specification's schema, which would refuse an unknown key."""
    done = subprocess.run([*CHECK, COMPOSE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(COMPOSE.read_text().replace("read_only:", "readonly:"))
    assert subprocess.run([*CHECK, wrong], capture_output=True, check=False).returncode == 1, (
        "the schema takes anything"
    )


def test_prometheus_takes_its_configuration(tmp_path: Path) -> None:
    """With the rules beside it, as they are mounted."""
    require("promtool", "install Debian's prometheus (apt-get install prometheus), which need not run")
    for source in (DEPLOY / "compose" / "prometheus.yml", DEPLOY / "monitoring" / "alerts.yaml"):
        (tmp_path / source.name).write_text(source.read_text())
    done = subprocess.run(
        ["promtool", "check", "config", "prometheus.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "alerts.yaml" in done.stdout, "the rules are not read"


def test_gremlin_server_takes_its_configuration() -> None:
    """A real Gremlin Server with the mounted files holds the demo's events, and answers what feeds a table."""
    require("java", "install a JDK 17, such as Debian's openjdk-17-jdk-headless")
    jars = Path(os.environ.get("STAND_INS_CACHE", "~/.cache/headwater/servers")).expanduser() / "gremlin-server-3.7.3"
    if not jars.exists():
        missing("Gremlin Server is not there", "`make setup` fetches it")
    port = free_port()
    server = Server("compose-gremlin", "true")
    for source in (DEPLOY / "compose" / "gremlin").iterdir():
        text = source.read_text().replace("/headwater/", f"{server.state}/").replace("port: 8182", f"port: {port}")
        (server.state / source.name).write_text(text.replace("host: 0.0.0.0", "host: 127.0.0.1"))
    command = [
        "java",
        "-Xmx512m",
        "-XX:TieredStopAtLevel=1",
        f"-Dlogback.configurationFile={STAND_INS / 'gremlin' / 'conf' / 'logback.xml'}",
        "-cp",
        ":".join(map(str, sorted(jars.glob("*.jar")))),
        "org.apache.tinkerpop.gremlin.server.GremlinServer",
        str(server.state / "server.yaml"),
    ]
    events = sorted((ROOT / "consumer" / "demo" / "events").glob("*.jsonl"))
    url = f"ws://127.0.0.1:{port}/gremlin"
    with server.log.open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            await_port(port, process)
            done = headwater("ingest", "--graph", url, *events)
            assert done.exit_code == 0, f"{done.output}\n{server.said()}"
            asked = headwater("lineage", "titles", "--graph", url)
            assert "int_known_for_titles_flattened_from_name_basics" in asked.stdout, asked.output
        finally:
            process.kill()
            server.close()


def test_topics_are_made() -> None:
    """The command of the service `topics` ends with 0 on a broker without topics, so the consumer is started."""
    broker = KafkaBroker()
    try:
        environment = compose()["services"]["topics"]["environment"]
        alerts = str(DEPLOY / "compose" / "alerts.toml")
        env = environment | {"HEADWATER_KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap, "HEADWATER_ALERTS__FILE": alerts}
        done = headwater(*compose()["services"]["topics"]["command"], env=env)
        assert done.exit_code == 0, done.output
        assert done.output.count("openlineage.events") >= 1, done.output
        assert "openlineage.alerts" in done.output
    finally:
        broker.close()
