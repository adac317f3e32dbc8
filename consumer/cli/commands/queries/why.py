"""`headwater why`: what may be wrong upstream of a dataset."""

from __future__ import annotations

import click

from consumer import wiring
from consumer.cli.help_text import examples
from consumer.cli.options import at_option, json_option, with_settings
from consumer.cli.output import print_answer
from consumer.cli.past import gap_reported
from consumer.config.loader import Settings
from consumer.query.resolve import resolve
from consumer.query.traversal.root_cause import FAR, diagnose
from consumer.render import answers, documents


@click.command(
    name="why",
    epilog=examples("headwater why titles", "headwater why titles --depth 2 --json", "headwater why titles --at 7d"),
)
@click.argument("node")
@click.option(
    "--depth",
    type=click.IntRange(min=0),
    metavar="N",
    default=FAR,
    help="Maximum number of steps upstream; all unless it is given.",
)
@at_option
@json_option("Print JSON.")
@with_settings("graph")
def why(settings: Settings, node: str, at: str | None, depth: int, *, as_json: bool) -> None:
    """List why a dataset may be stale or wrong: failures upstream, nearest first.

    Looks at the dataset NODE and all that it is made from: failed, aborted and unfinished runs, failed tests, dropped
    tables, columns that were removed or retyped since the build before the last, and tables that were not rebuilt since
    a source of theirs was written.
    """
    with wiring.open_snapshot(settings.graph, at) as store, gap_reported(store, at):
        found = diagnose(store, resolve(store, node), depth)
    print_answer(found, answers.diagnosis, documents.diagnosis, as_json=as_json)
