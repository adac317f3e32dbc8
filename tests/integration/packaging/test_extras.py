"""Commands in an environment without the extra that they need: each names the extra to install and returns 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from consumer.cli.command_group import subcommands
from consumer.cli.main import cli
from tests.support.processes.installed_wheel import Installed, build_wheel

SUBCOMMANDS = sorted(subcommands(cli).keys() - {"create-key"})
"""All commands but the one that needs no more than click."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this tree."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module", params=["", "emitter", "dbt"], ids=lambda extra: extra or "bare")
def without_consumer(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Installed:
    """An environment with none of the consumer's extra."""
    extras = [request.param] if request.param else []
    return Installed(tmp_path_factory.mktemp("venv"), wheel, *extras)


@pytest.fixture(scope="module")
def consumer(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """An environment with the extra `consumer` alone."""
    return Installed(tmp_path_factory.mktemp("venv"), wheel, "consumer")


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """An environment without any extra."""
    return Installed(tmp_path_factory.mktemp("venv"), wheel)


def test_headwater_names_the_consumers_extra(without_consumer: Installed) -> None:
    """The command, its help and each subcommand print one line on stderr and return 2."""
    for words in ([], ["--help"], *([name] for name in SUBCOMMANDS)):
        done = without_consumer.run("headwater", *words)
        assert (done.returncode, done.stdout) == (2, ""), f"headwater {words}: {done.stdout}{done.stderr}"
        assert done.stderr.count("\n") == 1, f"headwater {words}: {done.stderr}"
        assert done.stderr.startswith("headwater: the Python module "), done.stderr
        assert done.stderr.endswith(" is not installed: pip install 'headwater[consumer]'\n"), done.stderr


def test_the_spools_command_names_the_emitters_extra(bare: Installed) -> None:
    """`headwater-dbt spool` reads OpenLineage's configuration, so it needs OpenLineage's client."""
    done = bare.run("headwater-dbt", "spool")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "headwater-dbt: the Python module openlineage is not installed: pip install 'headwater[emitter]'\n"
    )


def test_headwater_dbt_without_dbt(bare: Installed) -> None:
    """One line says that dbt itself is missing."""
    done = bare.run("headwater-dbt", "run", env={"PATH": str(bare.bin)})
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install dbt-core" in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


def test_dbt_runs_without_the_emitters_extra(bare: Installed, tmp_path: Path) -> None:
    """Dbt runs with its own exit code; one line on stderr says why no lineage is sent."""
    dbt = tmp_path / "dbt"
    dbt.write_text(f"#!{bare.bin / 'python'}\n# dbt.cli.main\nimport sys\nprint('dbt ran')\nsys.exit(3)\n")
    dbt.chmod(0o755)
    done = bare.run("headwater-dbt", "run", env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert (done.returncode, done.stdout) == (3, "dbt ran\n"), done.stderr
    assert "pip install 'headwater[emitter]'" in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


def test_the_consumer_without_tracing(consumer: Installed, tmp_path: Path) -> None:
    """The consumer works without OpenTelemetry; a service whose traces are on names the extra."""
    assert consumer.run("headwater", "--version").returncode == 0
    env = {"HEADWATER_TELEMETRY__TRACES": "true", "HEADWATER_HTTP__PORT": "0"}
    graph = f"sqlite:///{tmp_path / 'graph.db'}"
    kafka = ("--kafka-bootstrap-servers", "127.0.0.1:1")
    done = consumer.run("headwater", "consume", "--graph", graph, *kafka, env=env)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "pip install 'headwater[consumer,tracing]'" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


def test_a_module_that_is_imported_late(consumer: Installed, tmp_path: Path) -> None:
    """An import that fails within a command names the extra too, and the command returns 2."""
    hidden = tmp_path / "hidden"
    (hidden / "gremlin_python").mkdir(parents=True)
    (hidden / "gremlin_python" / "__init__.py").touch()
    done = consumer.run(
        "headwater", "export", "--graph", "ws://127.0.0.1:1/gremlin", env={"PYTHONPATH": str(hidden)}, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.endswith(" is not installed: pip install 'headwater[consumer]'\n"), done.stderr
