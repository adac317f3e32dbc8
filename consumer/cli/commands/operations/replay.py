"""`headwater replay`: a graph from what the topic still holds, beside the service and without its offsets."""

from __future__ import annotations

import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from consumer import wiring
from consumer.cli.exit_codes import ExitCode
from consumer.cli.help_text import examples
from consumer.cli.jsonl import rows
from consumer.cli.options import json_option, with_settings
from consumer.config.loader import Settings
from consumer.errors import UsageError
from consumer.ingest.document_writer import GIVE_UP_AFTER_S
from consumer.masking import masked
from schemas.counted import counted
from schemas.lazy_decode import decode_lazily

if TYPE_CHECKING:
    from consumer.kafka.offset_range import OffsetRange
    from consumer.kafka.topic_reader import TopicReader
    from consumer.processing.dead_letter import DeadLetter
    from consumer.processing.observer import BatchReport
    from consumer.processing.record import TopicPartition

TOLD_EVERY_S = 10.0
"""Seconds between two lines of progress without a terminal."""


@click.command(
    name="replay",
    epilog=examples(
        "headwater replay --from beginning --into sqlite:///rebuilt.db",
        "headwater replay --from 7d --into 'neptune://new-cluster:8182?region=us-east-1'",
        "headwater replay --from 2026-11-21T00:00:00Z --to 2026-11-22T00:00:00Z",
        "headwater replay --from 0:120000 --from 3:118250   # of these two partitions",
    ),
)
@click.option(
    "--from",
    "begin",
    metavar="TIME|OFFSET",
    multiple=True,
    required=True,
    help="Where to begin: beginning, a time such as 2026-11-21T05:00:00Z, a duration before now such as 7d, an offset"
    " in all partitions, or PARTITION:OFFSET for each that is meant.",
)
@click.option(
    "--to",
    "end",
    metavar="TIME|OFFSET",
    multiple=True,
    help="Where to end, likewise; the first record that is left out. The end of the topic as it is now by default.",
)
@click.option(
    "--into",
    metavar="URL",
    help="The graph to write to; by default the configured one, which keeps all that it has.",
)
@click.option(
    "--rejected",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="File for what is rejected, as JSON lines of topic, partition, offset, path and reason.",
)
@json_option("Print the summary as JSON on stdout.")
@with_settings("graph_connections", "kafka", "batch", "dead_letters.max_ahead_s", "identity")
def replay(
    settings: Settings,
    begin: tuple[str, ...],
    end: tuple[str, ...],
    into: str | None,
    rejected: Path | None,
    *,
    as_json: bool,
) -> None:
    """Fold what the topic still holds into a graph once more.

    The service may run meanwhile: no consumer group is joined, and no offset is touched. What is rejected is listed,
    and not written to the dead-letter topic again; the exit code is then 1. A replay that ends early says where to go
    on.
    """
    from consumer.kafka.offset_range import RangeBound  # noqa: PLC0415
    from consumer.kafka.topic_reader import open_reader  # noqa: PLC0415 -- the client only where it is needed

    bounds = RangeBound.parse(begin, time.time(), "--from"), RangeBound.parse(end, time.time(), "--to")
    target = settings.model_copy(update={"graph": into or settings.graph})
    with ExitStack() as stack:
        progress = _Progress()
        tell = stack.enter_context(_listed(rejected))
        reader = stack.enter_context(open_reader(settings.kafka, settings.kafka.topic))
        reader.on_lost = progress.lost
        spans = reader.ranges(*bounds)
        _require_records(bounds[0].offset, spans)
        with progress.shown(spans), _told_where_to_go_on(progress, spans, into):
            _run(target, reader, spans, progress, tell)
    summary = {
        "graph": masked(target.graph),
        "topic": settings.kafka.topic,
        "from": {span.topic_partition.partition: span.start for span in spans},
        "to": {span.topic_partition.partition: span.stop for span in spans},
        **progress.summary(),
    }
    what = f"{counted(progress.events, 'event')} of {counted(progress.records, 'record')}"
    _say(
        f"{what} folded into {masked(target.graph)} in"
        f" {summary['seconds']:.1f} s; {summary['rejected']:,} rejected, {summary['lost']:,} gone before they were read"
    )
    if as_json:
        click.echo(orjson.dumps(summary, option=orjson.OPT_NON_STR_KEYS))
    if summary["rejected"] or summary["lost"]:
        click.get_current_context().exit(ExitCode.FAILED)


def _run(
    settings: Settings,
    reader: TopicReader,
    spans: Sequence[OffsetRange],
    progress: _Progress,
    tell: Callable[[DeadLetter], None],
) -> None:
    """Returns the service's loop on a part of the topic."""
    from consumer.kafka.replay_source import DiscardDeadLetters, ReplaySource  # noqa: PLC0415
    from consumer.processing.processor import StreamProcessor  # noqa: PLC0415

    finished = threading.Event()
    source = ReplaySource(reader, spans, finished)
    progress.remaining = source.remaining
    # A person waits, as with other commands; and what is rejected floods nothing, as none of it is written.
    batching = settings.batch.model_copy(update={"give_up_after_s": settings.batch.give_up_after_s or GIVE_UP_AFTER_S})
    rejecting = settings.dead_letters.model_copy(update={"limit_count": sys.maxsize})
    with closing(wiring.graph_sink(settings)) as sink:
        StreamProcessor(
            source,
            decode_lazily,
            sink,
            DiscardDeadLetters(tell),
            batching,
            time.monotonic,
            finished,
            rejecting=rejecting,
            in_flight=wiring.in_flight(settings),
            observer=progress,
        ).run()


@contextmanager
def _told_where_to_go_on(progress: _Progress, spans: Sequence[OffsetRange], into: str | None) -> Iterator[None]:
    """Says how to do the rest, and no more than the rest, if not all of it was done."""
    try:
        yield
    finally:
        if left := sorted(progress.remaining.items()):
            stops = {span.topic_partition: span.stop for span in spans}
            words = [word for place, offset in left for word in ("--from", f"{place.partition}:{offset}")]
            words += [word for place, _ in left for word in ("--to", f"{place.partition}:{stops[place]}")]
            words += ["--into", into] if into else []
            _say(f"{counted(progress.records, 'record')} folded; to go on: headwater replay {shlex.join(words)}")


def _require_records(offset: int | None, spans: Sequence[OffsetRange]) -> None:
    """Raises an error if the range has no records: a date without dashes is parsed as an offset."""
    if offset is not None and spans and all(offset > span.stop for span in spans):
        raise UsageError(f"--from {offset}: no partition has so many records; a time is written 2026-11-21T05:00:00Z")


class _Progress:
    """Counts what is done, and shows it on stderr; the loop's observer.

    Attributes:
        records: Records that are durable.
        remaining: By partition, the offset from which on they are not.
    """

    def __init__(self) -> None:
        self.records = self._rejected = self._lost = 0
        self.remaining: Mapping[TopicPartition, int] = {}
        self._began = self._reported_at = time.monotonic()
        self._stops: Mapping[TopicPartition, int] = {}
        self._total = 0
        self._advance: Callable[[int], None] = self._tell_at_times

    def committed(self, report: BatchReport) -> None:
        """Counts a durable batch."""
        self.records += report.records
        self._rejected += report.rejected
        self._advance(self._total - sum(self._stops[place] - offset for place, offset in self.remaining.items()))

    def failed(self, step: str, error: Exception) -> None:
        """Ignores the failure, which is logged already."""

    def lost(self, topic_partition: TopicPartition, records: int) -> None:
        """Retention was faster."""
        self._lost += records
        _say(f"{topic_partition}: {counted(records, 'record is', 'records are')} no longer there")

    @property
    def events(self) -> int:
        """Records that were events."""
        return self.records - self._rejected

    def summary(self) -> dict[str, float]:
        """Returns the counts of records."""
        return {
            "records": self.records,
            "events": self.events,
            "rejected": self._rejected,
            "lost": self._lost,
            "seconds": round(time.monotonic() - self._began, 3),
        }

    @contextmanager
    def shown(self, spans: Sequence[OffsetRange]) -> Iterator[None]:
        """Shows how far it is: a bar where someone looks, else a line from time to time."""
        self._stops = {span.topic_partition: span.stop for span in spans}
        self._total = sum(span.stop - span.start for span in spans)
        if not sys.stderr.isatty():
            yield
            return
        from rich.console import Console  # noqa: PLC0415 -- only a terminal needs it
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn  # noqa: PLC0415

        columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("replaying", total=self._total)
            self._advance = lambda done: bar.update(task, completed=done)
            yield

    def _tell_at_times(self, done: int) -> None:
        if time.monotonic() - self._reported_at >= TOLD_EVERY_S:
            self._reported_at = time.monotonic()
            _say(f"{counted(self.records, 'record')}, {done / max(1, self._total):.0%}")


@contextmanager
def _listed(path: Path | None) -> Iterator[Callable[[DeadLetter], None]]:
    """Takes what is rejected, for the file if there is one; the log has it anyway."""
    with rows("--rejected", path) as put:
        yield lambda letter: put(_row(letter))


def _row(letter: DeadLetter) -> dict[str, str | int]:
    record = letter.record
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "path": letter.path,
        "reason": letter.reason,
    }


def _say(line: str) -> None:
    click.echo(line, err=True)
