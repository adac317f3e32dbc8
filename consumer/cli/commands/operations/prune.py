"""`headwater prune`: facts of old runs go, lineage stays."""

from __future__ import annotations

import time
from dataclasses import asdict
from functools import partial

import click
import orjson

from consumer import wiring
from consumer.cli.help_text import examples
from consumer.cli.interruption import repeatable
from consumer.cli.options import json_option, with_settings
from consumer.cli.param_types import DURATION, Duration
from consumer.config.loader import Settings
from consumer.time_parsing import format_time
from schemas.counted import counted


@click.command(
    name="prune",
    epilog=examples(
        "headwater prune --runs-older-than 90d --dry-run",
        "headwater prune --runs-older-than 90d --graph 'neptune://host:8182?region=us-east-1'",
    ),
)
@click.option(
    "--runs-older-than",
    type=DURATION,
    metavar="DURATION",
    required=True,
    help="How long ago the last event of a run has to be: 90d for days, 12w for weeks, 36h for hours.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Only count; runs that started others that would go are not counted.",
)
@json_option("Print the outcome as JSON on stdout.")
@with_settings("graph")
@repeatable()
def prune(settings: Settings, runs_older_than: Duration, *, dry_run: bool, as_json: bool) -> None:
    """Remove the facts of old runs from the graph; lineage stays.

    A run is kept if it is current for its job (the latest completed one, its siblings under the same parent, the
    unfinished ones after it), or if it started a run that is kept. A run that has not ended is removed when it is twice
    as old. Others may write to the graph meanwhile; an interrupted prune resumes when it is run again.
    """
    from consumer.maintenance.leased_task import JobLease, run_job  # noqa: PLC0415
    from consumer.maintenance.prune import Prune  # noqa: PLC0415 -- the graph's parts only where they are needed
    from consumer.maintenance.prune_cutoffs import cutoffs  # noqa: PLC0415
    from consumer.maintenance.scheduler import lease_owner  # noqa: PLC0415

    with wiring.open_existing_graph(settings.graph) as store:
        find_cutoffs = partial(cutoffs, store, time.time(), runs_older_than.seconds)
        job = Prune(store, find_cutoffs, runs_older_than.text, dry_run=dry_run)
        if dry_run:
            place: str | None = ""
            while place is not None:
                place = job.step(place)
        else:
            run_job(job, JobLease(store, job.name, lease_owner(), time.time))
    if as_json:
        click.echo(orjson.dumps(asdict(job.result)))
    if job.cutoffs.newest is not None:
        click.echo(
            f"the newest event is of {format_time(job.cutoffs.newest)}: ages are counted from the day after it",
            err=True,
        )
    done = "would be removed" if dry_run else "removed"
    click.echo(f"examined {counted(job.result.examined, 'run')}, {job.result.removed:,} {done}", err=True)
