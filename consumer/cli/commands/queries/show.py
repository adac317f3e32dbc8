"""`headwater show`: everything that the graph knows of one dataset."""

from __future__ import annotations

from functools import partial

import click

from consumer import wiring
from consumer.cli.help_text import examples
from consumer.cli.options import at_option, json_option, with_settings
from consumer.cli.output import print_answer
from consumer.cli.past import gap_reported
from consumer.config.loader import Settings
from consumer.query.catalog.describe import describe_node
from consumer.query.resolve import resolve
from consumer.render import answers, documents


@click.command(
    name="show",
    epilog=examples(
        "headwater show titles",
        "headwater show dev.imdb.titles --sql",
        "headwater show titles --json | jq .owners",
        "headwater show titles --at 7d",
    ),
)
@click.argument("node")
@click.option(
    "--sql",
    is_flag=True,
    help="Print the SQL that made it, too.",
)
@at_option
@json_option("Print JSON; it always has the SQL.")
@with_settings("graph")
def show(settings: Settings, node: str, at: str | None, *, sql: bool, as_json: bool) -> None:
    """Print columns, owners, tags, tests, exposures and the last run of a dataset.

    NODE is a dataset name, namespace/name, or a unique end of one; or an exposure.
    """
    with wiring.open_snapshot(settings.graph, at) as store, gap_reported(store, at):
        found = describe_node(store, resolve(store, node))
    print_answer(found, partial(answers.show, sql=sql), documents.description, as_json=as_json)
