"""Modules that a command and the service import, in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.graph.ingested_graphs import ingest_edge


@pytest.fixture
def graph(tmp_path: Path) -> str:
    """The URL of a graph in which b is made from a."""
    return ingest_edge(tmp_path)


_IMPORTING = """
import sys

class Interrupted:
    def find_spec(self, name, *_):
        if name == "consumer.cli.main":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
from consumer.cli.entry import main
sys.exit(main())
"""


def test_ctrl_c_while_modules_are_imported() -> None:
    """The same code and line as later, and no traceback."""
    done = subprocess.run([sys.executable, "-c", _IMPORTING], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (130, "headwater: interrupted\n")


def test_a_command_that_prints_text_does_without_rich_and_drivers(graph: str) -> None:
    """Rich takes a quarter of a second to import, and structlog imports it if it is there; drivers take longer."""
    code = (
        f"from consumer.cli.main import main; sys.argv = ['headwater', 'lineage', 's.b', '--graph', {graph!r}]; main()"
    )
    show = f"import atexit, sys; atexit.register(lambda: print(*sorted(sys.modules))); {code}"
    done = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True)
    modules = done.stdout.splitlines()[-1].split()
    assert "structlog" in modules
    assert not {"rich.console", "boto3", "botocore", "gremlin_python", "kafka", "sqlglot", "starlette"} & set(modules)


def test_version_and_unknown_commands_import_no_command() -> None:
    """A command's module, and with it the settings and the stores, is imported when the command is used."""
    code = "import sys; from consumer.cli.main import main; sys.argv = ['headwater', '--version']; main()"
    show = f"import atexit, sys; atexit.register(lambda: print(*sorted(sys.modules))); {code}"
    done = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True)
    version, modules = done.stdout.splitlines()
    assert version.startswith("headwater, version ")
    assert not {"pydantic", "structlog", "orjson", "consumer.config.loader", "consumer.wiring"} & set(modules.split())


def test_nothing_is_imported_unless_it_is_wanted() -> None:
    """The service without traces costs nothing of OpenTelemetry."""
    program = """
import sys, threading
from consumer.config.loader import load
from consumer.telemetry.setup import instrumented
with instrumented(load({}), threading.Event(), lambda: None) as watch:
    assert watch.trace is None
found = [name for name in sys.modules if name.startswith("opentelemetry")]
sys.exit(f"imported: {found}" if found else 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
