"""`headwater path`: how data gets from one dataset or column to another."""

from __future__ import annotations

import click

from consumer import wiring
from consumer.cli.help_text import examples
from consumer.cli.options import at_option, json_option, with_settings
from consumer.cli.output import print_answer
from consumer.cli.past import gap_reported
from consumer.config.loader import Settings
from consumer.query.resolve import resolve
from consumer.query.traversal.paths import MOST_PATHS, shortest_paths
from consumer.render import answers, documents


@click.command(
    name="path",
    epilog=examples(
        "headwater path title_crew names",
        "headwater path title_ratings.averagerating titles.average_rating",
    ),
)
@click.argument("source")
@click.argument("target")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=MOST_PATHS,
    show_default=True,
    help="Maximum number of paths.",
)
@at_option
@json_option("Print JSON.")
@with_settings("graph")
def path(settings: Settings, source: str, target: str, limit: int, at: str | None, *, as_json: bool) -> None:
    """Print the shortest paths from one dataset or column to another.

    SOURCE and TARGET are named as for `headwater lineage`. The exit code is 0 even if there is no path.
    """
    with wiring.open_snapshot(settings.graph, at) as store, gap_reported(store, at):
        found = shortest_paths(store, resolve(store, source), resolve(store, target), limit)
    print_answer(found, answers.paths, documents.paths, as_json=as_json)
