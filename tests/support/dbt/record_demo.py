"""Records the demo's events, for `scripts/record-demo`.

`headwater-dbt` builds both IMDb projects on the stand-ins of Athena and Redshift. The recorded build follows a first
build and `dbt docs generate`, so that the columns of all sources are known. The loopback address of Redshift's stand-in
becomes the host of a workgroup. The events of the project on DuckDB are those of a run of `headwater demo`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.dbt.dbt_engines import DbtEngines

ROOT = Path(__file__).parents[3]
EVENTS = ROOT / "consumer" / "demo" / "events"
DUCKDB = ROOT / "tests" / "data" / "demo" / "duckdb.jsonl"
PROJECTS = ("imdb_athena", "imdb_redshift")
WORKGROUP = "wg.123456789012.us-east-1.redshift-serverless.amazonaws.com:5439"
TOPIC = "openlineage.events"


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _record(engines: DbtEngines, name: str, folder: Path) -> Path:
    """Builds a project, and returns the file with the events of its last build."""
    project, log = engines.copy_project(name, folder), folder
    for number, arguments in enumerate((["build"], ["docs", "generate"], ["build"])):
        log = folder / f"{name}-{number}"
        transport = {
            "type": "emitter.transport.KafkaTransport",
            "bootstrap_servers": log.as_uri(),
            "spool_dir": str(folder / "spool"),
            "topic": TOPIC,
        }
        environment = engines.environment_of(project, {"OPENLINEAGE__TRANSPORT": json.dumps(transport)})
        command = [_program("headwater-dbt"), *arguments]
        subprocess.run(command, cwd=project, env=environment, check=True, stdin=subprocess.DEVNULL)
    return log / f"{TOPIC}.jsonl"


def record() -> None:
    """Replaces the recorded events of all three projects."""
    engines = DbtEngines()
    try:
        with tempfile.TemporaryDirectory() as folder:
            for name in PROJECTS:
                text = _record(engines, name, Path(folder)).read_text(encoding="utf-8")
                text = text.replace(f"127.0.0.1:{engines.redshift_port}", WORKGROUP)
                (EVENTS / f"{name}.jsonl").write_text(text, encoding="utf-8")
    finally:
        engines.close()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([_program("headwater"), "demo"], cwd=folder, check=True, stdin=subprocess.DEVNULL)
        shutil.copy(Path(folder, "headwater-demo", "log", f"{TOPIC}.jsonl"), DUCKDB)


if __name__ == "__main__":
    record()
