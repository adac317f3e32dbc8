"""`headwater demo`: the whole pipeline on embedded parts, from dbt to answers across three engines."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click

from consumer.cli.help_text import examples
from consumer.cli.options import with_settings
from consumer.config.loader import Settings
from consumer.errors import HeadwaterError, UsageError
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import GraphStore
from consumer.ingest import inputs
from consumer.ingest.document_writer import DocumentWriter, Rejection
from consumer.ingest.pipeline import Pipeline
from consumer.lineage.identity import IdentityRules
from consumer.projection.graph_sink import GraphSink
from consumer.query.traversal import traverse
from consumer.render import lineage_formats
from consumer.telemetry.logs import configure
from schemas.counted import counted

PARTS = Path(__file__).parents[3] / "demo"
"""A dbt project, the recorded events of two others, and the configuration that joins the three."""

GRAPH = Path("headwater.db")
APPLICATION = 0x48575244
"""`application_id` of a graph that the demo made ("HWRD"), and so may replace."""

TOPIC = "openlineage.events"
DBT_TIMEOUT_S = 300
FAR = 20

INSTALL = "run `make demo` in a clone, or `pip install 'headwater[emitter,consumer]' 'dbt-core<2' dbt-duckdb`"
"""Advice where a part of the demo is missing."""

_FOREIGN = ("DBT_", "OPENLINEAGE_")
"""Variables of a user's own dbt and OpenLineage, which would lead those of the demo elsewhere."""

_NEXT = """
Try next:
  headwater search rating
  headwater show titles
  headwater impact title_crew.directors
  headwater lineage titles --format svg > titles.svg
  headwater serve --graph sqlite:///headwater.db
"""


@click.command(name="demo", epilog=examples("headwater demo", "headwater demo --directory my-demo"))
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("headwater-demo"),
    show_default=True,
    help="Folder for the dbt project, its events and the configuration; an older demo's is replaced.",
)
@with_settings()
def demo(_: Settings, directory: Path) -> None:
    """Run the whole pipeline on this machine, from dbt to lineage across engines.

    Runs headwater-dbt on DuckDB, with a file in place of Kafka. Ingests its events and recorded events of dbt on
    Athena and on Redshift into headwater.db in the current directory, and answers three questions. Takes half a
    minute. Needs dbt-duckdb, but no service and no cloud.
    """
    configure("error")
    program = _headwater_dbt()
    with _step(f"create {directory}/ with a dbt project, and an empty graph {GRAPH}"):
        _prepare(directory)
        _replace(GRAPH)
    with _step("run headwater-dbt on DuckDB: load the IMDb files as raw tables and emit lineage"):
        log = _run_dbt(program, directory)
    store = SqliteStore(GRAPH)
    with closing(store):
        rules = _rules(directory / "headwater.toml")
        events = directory / "events"
        for source, words in (
            (log, f"the events of this run, from {log}"),
            (events / "imdb_athena.jsonl", "recorded events of dbt on Athena: raw tables to staged ones"),
            (events / "imdb_redshift.jsonl", "recorded events of dbt on Redshift: staged tables to marts"),
        ):
            with _step(f"ingest {words}"):
                _fold(source, store, rules)
        _ask(store, "What feeds titles?", "titles", up=FAR)
        _ask(store, "Where does titles.average_rating come from?", "titles.average_rating", up=FAR, direct=True)
        _ask(store, "What breaks if title_crew changes?", "title_crew", down=FAR)
    click.echo(_NEXT, err=True)


@contextmanager
def _step(words: str) -> Iterator[None]:
    click.echo(f"- {words} ", err=True, nl=False)
    began = time.monotonic()
    try:
        yield
    except BaseException:
        click.echo("... failed", err=True)
        raise
    click.echo(f"... {time.monotonic() - began:.1f} s", err=True)


def _headwater_dbt() -> str:
    here = Path(sys.executable).parent
    program = shutil.which("headwater-dbt", path=here) or shutil.which("headwater-dbt")
    if program is None:
        raise HeadwaterError(f"headwater-dbt is not installed beside headwater and not on PATH; {INSTALL}")
    return program


def _prepare(directory: Path) -> None:
    """Copies the parts; only a folder that an older demo made is overwritten."""
    if directory.exists() and any(directory.iterdir()):
        if not (directory / "project" / "dbt_project.yml").is_file() or not (directory / "headwater.toml").is_file():
            raise UsageError(f"{directory} was not created by the demo; choose another folder with --directory")
        shutil.rmtree(directory)
    shutil.copytree(PARTS, directory, dirs_exist_ok=True)
    # What a user's openlineage.yml says for Kafka, with a folder in its place.
    transport = {
        "type": "emitter.transport.KafkaTransport",
        "bootstrap_servers": (directory.absolute() / "log").as_uri(),
        "spool_dir": str(directory.absolute() / "spool"),
        "topic": TOPIC,
    }
    (directory / "project" / "openlineage.yml").write_text(f"transport: {json.dumps(transport)}\n", encoding="utf-8")


def _replace(graph: Path) -> None:
    """Makes way for a new graph; only one that a demo made is removed."""
    if graph.exists():
        try:
            with closing(sqlite3.connect(graph)) as database:
                made_by = database.execute("PRAGMA application_id").fetchone()[0]
        except sqlite3.Error as error:
            raise UsageError(f"{graph.absolute()} is not a graph ({error}); run the demo in another folder") from error
        if made_by != APPLICATION:
            raise UsageError(
                f"{graph.absolute()} holds a graph that the demo did not create; run the demo in another folder"
            )
        for path in (graph, Path(f"{graph}-wal"), Path(f"{graph}-shm")):
            path.unlink(missing_ok=True)
    with closing(sqlite3.connect(graph)) as database:
        database.execute(f"PRAGMA application_id = {APPLICATION}")


def _run_dbt(program: str, directory: Path) -> Path:
    """Runs the project; gives the file that its events are in."""
    project = directory / "project"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    # The environment need not be activated: dbt is looked up on PATH.
    own = {"PATH": os.pathsep.join((str(Path(program).parent), kept.get("PATH", os.defpath))), "DO_NOT_TRACK": "1"}
    command = [program, "run", "--project-dir", ".", "--profiles-dir", "."]
    try:
        done = subprocess.run(  # noqa: S603 -- our own project and program
            command,
            cwd=project,
            env=kept | own,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=DBT_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise HeadwaterError(
            f"dbt has not finished within {DBT_TIMEOUT_S} s; run the demo again on a less busy machine"
        ) from error
    log = directory / "log" / f"{TOPIC}.jsonl"
    output = done.stdout.decode(errors="replace")
    if done.returncode or not log.is_file():
        failure = f"exited with {done.returncode}" if done.returncode else "emitted no events"
        raise HeadwaterError(f"{program} {failure}:\n{output[-2000:].strip()}\nIf a package is missing, {INSTALL}")
    return log


def _rules(config: Path) -> IdentityRules:
    document = tomllib.loads(config.read_text(encoding="utf-8"))
    return IdentityRules.of(entry["prefixes"] for entry in document["identity"]["same"])


def _fold(source: Path, store: GraphStore, rules: IdentityRules) -> None:
    def refuse(rejection: Rejection) -> None:
        raise HeadwaterError(f"an event of the demo was rejected: {rejection}")

    writer = DocumentWriter(GraphSink(store, rules), Settings().batch, refuse)
    tally = Pipeline(writer).run(inputs.find([str(source)]))
    click.echo(f"({counted(tally.events, 'event')} of {counted(len(tally.runs), 'run')}) ", err=True, nl=False)


def _ask(store: GraphStore, question: str, node: str, up: int = 0, down: int = 0, *, direct: bool = False) -> None:
    began = time.monotonic()
    found = traverse.lineage(store, traverse.resolve(store, node), up, down, direct=direct)
    answer = lineage_formats.tree(found)
    option = " --direct" if direct else ""
    click.echo(f"\n{question}  (headwater lineage {node}{option}, {time.monotonic() - began:.3f} s)\n", err=True)
    click.echo(answer.rstrip("\n"))
