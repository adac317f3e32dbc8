"""`headwater retire`: removes a job or dataset that no longer exists from the lineage."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import click
import orjson

from consumer import wiring
from consumer.cli.help_text import examples
from consumer.cli.options import json_option, with_settings
from consumer.config.loader import Settings
from consumer.errors import UsageError
from consumer.graph.store import GraphStore
from consumer.lineage import retirement
from consumer.query.job_names import all_jobs
from consumer.query.resolve import DATASET, resolve, spelled
from consumer.time_parsing import format_time, parse_timestamp_ms


@click.command(
    name="retire",
    epilog=examples(
        "headwater retire model.imdb.old_titles",
        "headwater retire old_titles --at 2026-11-21T05:00:00Z",
        "headwater retire model.imdb.old_titles --to-topic",
    ),
)
@click.argument("name")
@click.option(
    "--at", metavar="TIME", default="0s", show_default="now", help="As of when: RFC 3339, a date, or how long ago."
)
@click.option("--to-topic", is_flag=True, help="Write the event to the Kafka topic rather than to the graph.")
@json_option("Print the event as JSON on stdout.")
@with_settings("graph", "identity", "kafka")
def retire(settings: Settings, name: str, at: str, *, to_topic: bool, as_json: bool) -> None:
    """Remove a job or dataset that no longer exists from the lineage.

    NAME is a job, by its name or namespace/name, else a dataset as in headwater lineage. A job that is retired reads
    and writes nothing any more; a dataset that is retired counts as dropped. Their history stays, and a later event of
    either brings it back. headwater backfill also retires the jobs of dbt nodes that the manifest no longer has.
    """
    moment = datetime.fromtimestamp(parse_timestamp_ms(at, time.time(), "--at") / 1000, UTC)
    with wiring.open_snapshot(settings.graph) as store:
        said, event = _event(store, name, moment.isoformat(timespec="microseconds"))
    _send(settings, event, to_topic=to_topic)
    if as_json:
        click.echo(orjson.dumps(event))
    click.echo(f"retired the {said} as of {format_time(event['eventTime'])}", err=True)


def _event(store: GraphStore, name: str, moment: str) -> tuple[str, dict[str, Any]]:
    jobs = [job for job in all_jobs(store) if name in {job.name, f"{job.namespace}/{job.name}"}]
    if len(jobs) > 1:
        found = "\n  ".join(f"{job.namespace}/{job.name}" for job in jobs)
        raise UsageError(f"{name} may be any of these jobs; name one of them:\n  {found}")
    if jobs:
        return f"job {jobs[0].namespace}/{jobs[0].name}", retirement.of_job(jobs[0], moment)
    try:
        target = resolve(store, name)
    except UsageError as error:
        raise UsageError(f"no job is called {name}, and {error}") from None
    if target.column is not None:
        raise UsageError(f"{name} is a column; name a dataset or a job")
    if target.kind != DATASET:
        raise UsageError(f"{name} is an {target.kind}, which goes once dbt declares it no more; name a dataset or job")
    return f"dataset {spelled(target.dataset)}", retirement.of_dataset(target.dataset, moment)


def _send(settings: Settings, event: dict[str, Any], *, to_topic: bool) -> None:
    from schemas.decode import decode_document  # noqa: PLC0415 -- the writers only where they are needed

    if not to_topic:
        with closing(wiring.graph_sink(settings)) as sink:
            sink.write([decode_document(event)])
        return
    from consumer.kafka.producer import TopicProducer  # noqa: PLC0415
    from emitter.message_key import message_key  # noqa: PLC0415

    with closing(TopicProducer(settings.kafka)) as producer:
        producer.write(settings.kafka.topic, [(message_key(event), orjson.dumps(event), ())])
