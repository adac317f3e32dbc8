"""A `dbt` of a few lines, next to a Python of its own: what it says and how it ends is the test's to write.

It has dbt-core's entry point, so that `headwater-dbt` listens to it as to the real one, in a tenth of a second.
"""

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.events.event_file import written_events

ROOT = Path(__file__).parents[3]
HEADWATER_DBT = "import sys; from emitter.cli.main import main; sys.exit(main())"
MODEL = "model.shop.orders"

_MAIN = """
import json, os, pathlib, signal, subprocess, sys, time, types
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

FLAGS = dict(WHICH="run", PROJECT_DIR=".", TARGET_PATH="target", FULL_REFRESH=False, WRITE_JSON=True)
PROJECT = dict(project_name="shop", version="1.0", target_path="target")
CREDENTIALS = dict(type="postgres", host="db", port=5432, password="planted-secret")
HERE = pathlib.Path(__file__).parents[2]

def cli(obj=None):
    context = obj if obj is not None else {}
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    context["flags"] = types.SimpleNamespace(**FLAGS | {"WHICH": command})

    def say(name, **data):
        stamp, told = Timestamp(), Struct()
        stamp.GetCurrentTime()
        told.update(data)
        info = types.SimpleNamespace(name=name, msg=name, ts=stamp, invocation_id="5f0c9f6e")
        for callback in context.get("callbacks", ()):
            callback(types.SimpleNamespace(info=info, data=told))

    def node(name, unique_id, status="started", **result):
        say(name, node_info={"unique_id": unique_id, "node_status": status}, run_result=result)

    def begin(manifest=HERE / "manifest.json"):
        say("MainReportVersion", version="=1.11.0")
        context["project"] = types.SimpleNamespace(**PROJECT)
        credentials = types.SimpleNamespace(**CREDENTIALS)
        context["profile"] = types.SimpleNamespace(profile_name="shop", target_name="dev", credentials=credentials)
        say("ArtifactWritten", artifact_type="WritableManifest", artifact_path=str(manifest))

    def model(unique_id, status="success", **result):
        node("NodeStart", unique_id)
        node("NodeExecuting", unique_id)
        node("NodeFinished", unique_id, status, **result)

    exec((HERE / "scenario.py").read_text(), dict(globals(), **locals()))
    return 0
"""


ALL_KEPT = """
while b"".join(file.read_bytes() for file in (HERE.parent / "spool").rglob("*.seg")).count(b'"eventType"') < 4:
    time.sleep(0.01)
"""
"""For a scenario's end: waits until the four events of a run with one model are in the spool of the folder.

On a busy machine the lineage process may need longer to load than it has after dbt's end.
"""

_SELECT = "select id from dev.main."


def manifest(*names: str) -> dict[str, Any]:
    """A manifest of models of a PostgreSQL project, each of which reads the one before."""
    nodes = {}
    previous: list[str] = []
    for name in names:
        unique_id = f"model.shop.{name}"
        nodes[unique_id] = {
            "unique_id": unique_id,
            "resource_type": "model",
            "name": name,
            "alias": name,
            "database": "dev",
            "schema": "main",
            "package_name": "shop",
            "config": {"materialized": "table"},
            "columns": {},
            "depends_on": {"nodes": previous},
            # Columns by name, so that their lineage is known without a catalog.
            "compiled_code": _SELECT + previous[0].rpartition(".")[2] if previous else None,
        }
        previous = [unique_id]
    metadata = {
        "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
        "adapter_type": "postgres",
        "project_name": "shop",
    }
    return {"metadata": metadata, "nodes": nodes, "sources": {}}


class HeadwaterDbt:
    """A folder with a `python` of its own, in which `headwater-dbt` is run.

    Args:
        folder: An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "events.jsonl"
        (folder / "python").symlink_to(Path(sys.executable).resolve())

    def environment(self, transport: Mapping[str, Any] | None = None, **more: str) -> dict[str, str]:
        """The environment for `headwater-dbt`; events go to `log` unless a transport is given."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENLINEAGE", "DBT_"))}
        chosen = transport or {"type": "file", "log_file_path": str(self.log), "append": True}
        own = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": os.pathsep.join((str(ROOT), sysconfig.get_path("purelib"))),
            "HOME": str(self.folder),
            "OPENLINEAGE__TRANSPORT": json.dumps(chosen),
        }
        return kept | own | more

    def start(
        self, *arguments: str, transport: Mapping[str, Any] | None = None, **environment: str
    ) -> subprocess.Popen[str]:
        """Starts `headwater-dbt ARGUMENTS`."""
        return subprocess.Popen(
            [self.folder / "python", "-c", HEADWATER_DBT, *arguments],
            cwd=self.folder,
            env=self.environment(transport, **environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, *arguments: str, typed: str = "", transport: Mapping[str, Any] | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Runs `headwater-dbt ARGUMENTS` to its end."""
        with self.start(*arguments, transport=transport, **environment) as process:
            out, err = process.communicate(typed, timeout=60)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def run_in(self, environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs `headwater-dbt ARGUMENTS` to its end in an environment of the test's own."""
        return subprocess.run(
            [self.folder / "python", "-c", HEADWATER_DBT, *arguments],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def run_by_shell(self, redirections: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs `headwater-dbt ARGUMENTS REDIRECTIONS` to its end, with what a shell makes of the redirections."""
        python = str(self.folder / "python")
        return subprocess.run(
            ["sh", "-c", f'exec "$0" "$@" {redirections}', python, "-c", HEADWATER_DBT, *arguments],
            cwd=self.folder,
            env=self.environment(None, **environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def last_line(self, count: int) -> str:
        """What `headwater-dbt` says on stderr after so many events went to `log`."""
        return f"headwater-dbt: OpenLineage events: {count} sent; destination: file {self.log}\n"

    def events(self) -> list[dict[str, Any]]:
        """What was sent, in order."""
        return written_events(self.log)

    def states(self) -> list[tuple[str, str]]:
        """Job and state of each event that was sent."""
        return [(event["job"]["name"], event["eventType"]) for event in self.events()]


class FakeDbt(HeadwaterDbt):
    """With a `dbt` that has dbt-core's entry point.

    Args:
        folder: An empty folder.
        scenario: What dbt does: Python with `begin`, `say`, `node`, `model` and the standard library at hand.
    """

    def __init__(self, folder: Path, scenario: str = "begin(); model('model.shop.orders')") -> None:
        super().__init__(folder)
        package = folder / "dbt.d" / "dbt" / "cli"
        package.mkdir(parents=True)
        for module in (package.parent / "__init__.py", package / "__init__.py"):
            module.touch()
        # As a script's own folder is the first place to import from, dbt and its package are in one.
        (package / "main.py").write_text(_MAIN)
        (folder / "dbt.d" / "scenario.py").write_text(scenario)
        (folder / "dbt.d" / "manifest.json").write_text(json.dumps(manifest("raw", "orders")))
        script = folder / "dbt.d" / "script"
        script.write_text(f"#!{folder / 'python'}\nimport sys\nfrom dbt.cli.main import cli\nsys.exit(cli())\n")
        script.chmod(0o755)
        (folder / "dbt").symlink_to(script)
