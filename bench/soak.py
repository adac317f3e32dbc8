"""`make soak`: the service at work for a long time, and whether it stays as it was.

A real broker, a real Gremlin Server, one `headwater consume`. Events come as fast as they are committed, so that the
topic stays small while millions pass. The project has more models than the caches hold documents, so that these come to
their bounds. A line every ten seconds; at the end a verdict, and exit code 1 where it is no good.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import count
from typing import NamedTuple

from bench.growth import HEAP
from bench.service import STALLED_S, Service, Usage
from bench.topic import Committed, Topic
from bench.workload import Project
from tests.support.brokers.kafka_server import KafkaBroker
from tests.support.graph.gremlin_server import GremlinServer

AHEAD = 6_000
"""Events that are sent and not committed, at most: several batches and what the client has fetched already."""
LINE_S = 10.0
MOST_RSS_MB = 300.0
GROWTH = 1.05
"""How much more memory the last quarter may take than the one before it: what a garbage collector leaves to chance."""


class Sample(NamedTuple):
    """The service at a moment: seconds since the start, events committed, and what it holds."""

    at: float
    events: int
    usage: Usage

    def __str__(self) -> str:
        """A line for people."""
        rss, threads, files = self.usage
        return f"{self.at:6.0f} s  {self.events:>10,} events  {rss:6.1f} MB  {threads} threads  {files} files"


def faults(samples: Sequence[Sample]) -> Iterator[str]:
    """What is wrong with how the service held out; nothing if all is well."""
    if len(samples) < 8:  # noqa: PLR2004 - two in each quarter
        yield f"{len(samples)} samples are too few to tell; let it run longer"
        return
    quarter = len(samples) // 4
    before, last = samples[2 * quarter : 3 * quarter], samples[3 * quarter :]
    most = max(sample.usage.rss_mb for sample in samples)
    if most > MOST_RSS_MB:
        yield f"it took {most:.0f} MB, and may take {MOST_RSS_MB:.0f}"
    was, now = (statistics.median(sample.usage.rss_mb for sample in part) for part in (before, last))
    if now > was * GROWTH:
        yield f"memory grows: {was:.0f} MB in the third quarter, {now:.0f} MB in the last"
    for name in ("threads", "files"):
        was, now = (max(getattr(sample.usage, name) for sample in part) for part in (before, last))
        if now > was:
            yield f"{name} grow: {was} in the third quarter, {now} in the last"


class Feeder:
    """Sends builds of a project, for as long as they are committed."""

    def __init__(self, topic: Topic, project: Project) -> None:
        self._topic = topic
        self._records = (record for number in count() for record in project.build(number))

    def upto(self, total: int) -> None:
        """Sends until so many are sent."""
        self._topic.send(next(self._records) for _ in range(total - self._topic.sent))


def soak(broker: KafkaBroker, server: GremlinServer, project: Project, seconds: float, events: int) -> Iterator[Sample]:
    """Runs until time is up and so many events are committed; yields a sample every ten seconds, and one at the end.

    Raises:
        RuntimeError: The service ended, or nothing is committed any more, or what is in the graph is not what was sent.
    """
    with ExitStack() as stack:
        topic = stack.enter_context(Topic(broker, retention_bytes=str(64 << 20), segment_bytes=str(16 << 20)))
        service = stack.enter_context(Service(broker, topic, server.url))
        committed = stack.enter_context(closing(Committed(broker, topic.name, topic.name)))
        feeder, began, done = Feeder(topic, project), time.monotonic(), 0
        told, moved = began, began
        while (now := time.monotonic()) < began + seconds or done < events:
            feeder.upto(done + AHEAD)
            service.require_alive()
            last, done = done, sum(committed.offsets().values())
            moved = now if done > last else moved
            _require_progress(now - moved, done, service)
            if now >= told + LINE_S:
                told += LINE_S
                yield Sample(now - began, done, service.usage())
            time.sleep(0.1)
        topic.flush()
        while (done := sum(committed.offsets().values())) < topic.sent:
            service.require_alive()
            _require_progress(time.monotonic() - moved, done, service)
            time.sleep(0.1)
        yield Sample(time.monotonic() - began, done, service.usage())
        _require_all(broker, server, service, topic.sent, project)


def _require_progress(seconds_since_progress: float, done: int, service: Service) -> None:
    if seconds_since_progress > STALLED_S:
        raise RuntimeError(
            f"nothing is committed since {seconds_since_progress:.0f} s, after {done:,} events:\n{service.said()}"
        )


def _require_all(broker: KafkaBroker, server: GremlinServer, service: Service, sent: int, project: Project) -> None:
    """Every run that was sent is in the graph, and nothing was rejected."""
    builds, rest = divmod(sent, 2 * project.models + 2)
    # Of a build that was cut short: the START of the root run, then of each model START and COMPLETE.
    expected = builds * (project.models + 1) + (1 + rest // 2 if rest else 0)
    found = int(server.query("g.V().hasLabel('lineage_run').count()")[0])
    if found != expected:
        raise RuntimeError(f"the graph has {found:,} runs, and {expected:,} were sent")
    if letters := broker.records(service.dead_letters):
        raise RuntimeError(f"{len(letters)} events were rejected: {letters[0].headers}")


def main() -> None:
    """Soaks the service and judges it."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=600.0, help="for how long, at least (600)")
    parser.add_argument("--events", type=int, default=0, help="how many events, at least (0)")
    parser.add_argument("--models", type=int, default=25_000, help="models of the project (25000)")
    options = parser.parse_args()
    os.environ.setdefault("GREMLIN_JVM", HEAP)
    samples: list[Sample] = []
    with ExitStack() as stack:
        broker, server = KafkaBroker(), GremlinServer("tinkergraph")
        stack.callback(broker.close)
        stack.callback(server.close)
        for sample in soak(broker, server, Project("soak", options.models), options.seconds, options.events):
            samples.append(sample)
            print(sample, flush=True)
    wrong = list(faults(samples))
    last = samples[-1]
    print(
        f"{last.events:,} events at {last.events / last.at:,.0f} a second: {'; '.join(wrong) or 'it stays as it was'}"
    )
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
