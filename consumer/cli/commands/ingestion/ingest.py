"""`headwater ingest`: OpenLineage events from files into the graph."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import click
import orjson

from consumer import wiring
from consumer.cli.exit_codes import ExitCode
from consumer.cli.help_text import examples
from consumer.cli.interruption import repeatable
from consumer.cli.jsonl import rows
from consumer.cli.options import json_option, with_settings
from consumer.config.loader import Settings
from consumer.errors import UsageError
from consumer.ingest import inputs
from consumer.ingest.document_writer import DocumentWriter, Rejection
from consumer.ingest.inputs import Advance
from consumer.ingest.pipeline import Pipeline
from consumer.ingest.writer_processes import WriterProcesses
from consumer.masking import masked
from consumer.processing.sink import Sink
from consumer.runtime import default_processes
from consumer.safe_text import printable
from consumer.telemetry.logs import configure as configure_logs
from schemas.counted import counted

LONG = 4 * 1024 * 1024
"""Bytes of input from which on a terminal shows how far it is."""


@click.command(
    name="ingest",
    epilog=examples(
        "headwater ingest events.jsonl",
        "headwater ingest *.jsonl.gz --graph sqlite:///lineage.db --dead-letters rejected.jsonl",
        "headwater ingest s3://bucket/openlineage/2026/11/ --graph 'neptune://host:8182?region=us-east-1'",
        "kafka-console-consumer ... | headwater ingest -",
        "jq -r .value rejected.jsonl | headwater ingest -   # rejected events, after correction",
    ),
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--dead-letters",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="File for what is rejected, as JSON lines of file, line, path, reason and value.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=default_processes,
    show_default="one for each core, up to 4",
    help="Processes that write to the graph at once, in an ingest that takes longer than some seconds.",
)
@json_option("Print the summary as JSON on stdout.")
@with_settings("graph", "batch", "identity")
@repeatable()
def ingest(
    settings: Settings, files: tuple[str, ...], dead_letters: Path | None, processes: int, *, as_json: bool
) -> None:
    """Fold OpenLineage events from files into the graph.

    FILE holds JSON lines, a JSON array, or one event that may stretch over lines; plain or gzip. It is a path,
    s3://bucket/prefix, or - for standard input. What is not an event is listed with file, line and reason, and the exit
    code is 1; everything else is in the graph. Ingesting the same events again changes nothing, so an ingest that was
    interrupted is run again. What comes through a pipe is written once it has waited for --batch-max-age-s.
    """
    began = time.monotonic()
    sources = inputs.find(files)
    with ExitStack() as stack:
        stack.enter_context(_terminated_like_interrupted())
        keep = stack.enter_context(_kept(dead_letters, files))
        sink = wiring.graph_sink(settings)
        stack.callback(sink.close)
        advance, say = stack.enter_context(_progress(files))

        def rejected(rejection: Rejection) -> None:
            say(str(rejection))
            keep(rejection)

        others = WriterProcesses(processes, partial(_open_sink, settings), settings.batch, rejected)
        stack.callback(others.close)
        writer = DocumentWriter(sink, settings.batch, rejected)
        tally = Pipeline(writer, others if processes > 1 else None).run(sources, advance)
    summary = {
        "events": tally.events,
        "runs": len(tally.runs),
        "rejected": tally.rejected,
        "seconds": round(time.monotonic() - began, 3),
    }
    what = f"{counted(tally.events, 'event')} of {counted(len(tally.runs), 'run')}"
    took = f"{summary['seconds']:.1f} s; {tally.rejected:,} rejected"
    click.echo(f"{what} folded into {masked(settings.graph)} in {took}", err=True)
    if as_json:
        click.echo(orjson.dumps(summary))
    if tally.rejected:
        click.get_current_context().exit(ExitCode.FAILED)


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Has SIGTERM end the command as Ctrl-C does, so that its processes end before it."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _open_sink(settings: Settings) -> Sink:
    """Opens the graph in a process that writes; what it logs looks like what the command logs."""
    configure_logs(settings.log.level, settings.log.format, repeats_per_minute=settings.log.repeats_per_minute)
    return wiring.graph_sink(settings)


@contextmanager
def _kept(path: Path | None, files: tuple[str, ...]) -> Iterator[Callable[[Rejection], None]]:
    """Takes rejections for the file of dead letters."""
    if path is not None and any(path.resolve() == Path(name).resolve() for name in files):
        raise UsageError(f"--dead-letters {path} is an input too, and would be lost; name another file")
    with rows("--dead-letters", path) as put:
        yield lambda rejection: put(_row(rejection))


def _row(rejection: Rejection) -> dict[str, str | int]:
    return {
        "file": rejection.file,
        "line": rejection.line,
        "path": rejection.path,
        "reason": rejection.reason,
        "value": rejection.value.decode("utf-8", "backslashreplace"),
    }


@contextmanager
def _progress(files: tuple[str, ...]) -> Iterator[tuple[Advance, Callable[[str], None]]]:
    """Yields the callbacks for read bytes and for lines; with a progress bar on a terminal."""
    size = inputs.total_bytes(files)
    if not sys.stderr.isatty() or (size is not None and size < LONG):
        yield lambda _: None, lambda line: click.echo(printable(line), err=True)
        return
    from rich.console import Console  # noqa: PLC0415 -- only a terminal needs it
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        Progress,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    console = Console(stderr=True)
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("reading", total=size)
        yield (
            lambda count: progress.advance(task, count),
            lambda line: console.print(printable(line), markup=False, highlight=False, soft_wrap=True),
        )
