"""`headwater prune`: facts of old runs go, lineage stays."""

from __future__ import annotations

import time
from dataclasses import asdict

import click
import orjson

from consumer import wiring
from consumer.cli.options import examples, json_option, with_settings
from consumer.config.loader import Settings
from consumer.processing.event_time import require_past


@click.command(
    name="prune",
    epilog=examples(
        "headwater prune --runs-older-than 90d --dry-run",
        "headwater prune --runs-older-than 90d --graph 'neptune://host:8182?region=us-east-1'",
    ),
)
@click.option(
    "--runs-older-than",
    metavar="SPAN",
    required=True,
    envvar="HEADWATER_PRUNE__RUNS_OLDER_THAN",
    show_envvar=True,
    help="How long ago the last event of a run has to be: 90d for days, 12w for weeks, 36h for hours.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    envvar="HEADWATER_PRUNE__DRY_RUN",
    show_envvar=True,
    help="Only count; runs that started others that would go are not counted.",
)
@json_option("Print the outcome as JSON on stdout.")
@with_settings("graph")
def prune(settings: Settings, runs_older_than: str, *, dry_run: bool, as_json: bool) -> None:
    """Remove the facts of old runs from the graph; lineage stays.

    A run stays that is current of its job (the latest completed one, its siblings under the same parent, the unfinished
    ones after it), or that started a run which stays. One that has not ended goes when it is twice as old. Others may
    write to the graph meanwhile; interrupted, it goes on where it was when it is run again.
    """
    from consumer.maintenance.leased_task import Task, carry_out  # noqa: PLC0415
    from consumer.maintenance.prune import UNENDED_TIMES, Prune, event_time, seconds_of  # noqa: PLC0415 -- the graph's parts where needed
    from consumer.maintenance.scheduler import owner  # noqa: PLC0415

    now = time.time()
    before = event_time(now - seconds_of(runs_older_than))
    require_past(before, event_time(now))
    with wiring.mending(settings.graph) as store:
        unended = event_time(now - UNENDED_TIMES * seconds_of(runs_older_than))
        chore = Prune(store, before, runs_older_than, unended_before=unended, dry_run=dry_run)
        if dry_run:
            place: str | None = ""
            while place is not None:
                place = chore.step(place)
        else:
            carry_out(chore, Task(store, chore.name, owner(), time.time))
    if as_json:
        click.echo(orjson.dumps(asdict(chore.pruned)))
    done = "would go" if dry_run else "are gone"
    click.echo(f"looked at {chore.pruned.looked_at:,} runs, {chore.pruned.gone:,} {done}", err=True)
