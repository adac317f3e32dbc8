"""`headwater reconcile`: compares projections with their facts, and repairs those that differ."""

from __future__ import annotations

import time
from dataclasses import asdict

import click
import orjson

from consumer import wiring
from consumer.cli.help_text import examples
from consumer.cli.interruption import repeatable
from consumer.cli.options import json_option, with_settings
from consumer.config.loader import Settings
from schemas.counted import counted


@click.command(
    name="reconcile",
    epilog=examples("headwater reconcile", "headwater reconcile --graph ws://localhost:8182/gremlin --json"),
)
@json_option("Print the outcome as JSON on stdout.")
@with_settings("graph", "identity")
@repeatable()
def reconcile(settings: Settings, *, as_json: bool) -> None:
    """Compare projections with the facts and the identity settings, and repair those that differ.

    headwater consume does so every maintenance.reconcile_every_s seconds, and once its identity settings have changed.
    Without identity settings, those of the graph apply. A consistent graph is not modified. Safe while others write to
    the graph; an interrupted run resumes when it is run again.
    """
    from consumer.graph import identity_rules  # noqa: PLC0415 -- the graph's parts only where they are needed
    from consumer.maintenance.leased_task import JobLease, run_job  # noqa: PLC0415
    from consumer.maintenance.reconcile import Reconcile  # noqa: PLC0415
    from consumer.maintenance.scheduler import lease_owner  # noqa: PLC0415

    with wiring.open_existing_graph(settings.graph) as store:
        job = Reconcile(store, identity_rules.rules_for_reconciling(store, wiring.identity_settings(settings)))
        run_job(job, JobLease(store, job.name, lease_owner(), time.time))
    if as_json:
        click.echo(orjson.dumps(asdict(job.result)))
    click.echo(
        f"examined {counted(job.result.examined, 'vertex', 'vertices')}, repaired {job.result.repaired:,}", err=True
    )
