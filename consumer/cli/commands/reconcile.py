"""`headwater reconcile`: what the graph shows, compared with its facts and mended."""

from __future__ import annotations

import time
from dataclasses import asdict

import click
import orjson

from consumer import wiring
from consumer.cli.help_text import examples
from consumer.cli.options import json_option, with_settings
from consumer.config.loader import Settings


@click.command(
    name="reconcile",
    epilog=examples("headwater reconcile", "headwater reconcile --graph ws://localhost:8182/gremlin --json"),
)
@json_option("Print the outcome as JSON on stdout.")
@with_settings("graph", "identity")
def reconcile(settings: Settings, *, as_json: bool) -> None:
    """Compare what the graph shows with its facts and the identity settings, and mend it.

    headwater consume does so every maintenance.reconcile_every_s seconds, and once its identity settings have changed.
    Without identity settings those of the graph hold. On a graph that is right nothing is written. Others may write to
    the graph meanwhile; interrupted, it goes on where it was when it is run again.
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
    click.echo(f"examined {job.result.examined:,} vertices, repaired {job.result.repaired:,}", err=True)
