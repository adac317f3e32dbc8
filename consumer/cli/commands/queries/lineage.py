"""`headwater lineage`: what a table or column is made from, and what is made from it."""

from __future__ import annotations

from collections.abc import Callable

import click

from consumer import wiring
from consumer.cli.help_text import examples
from consumer.cli.options import at_option, json_option, with_settings
from consumer.cli.past import gap_reported
from consumer.config.loader import Settings
from consumer.query.traversal import traverse
from consumer.render import lineage_formats
from consumer.safe_text import printable, printable_json

FAR = 100
"""Steps in a direction when none is named: as good as all."""


def _steps(direction: str, words: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(
        f"--{direction}",
        type=click.IntRange(min=0),
        metavar="N",
        help=f"Steps to go {words}. With neither --upstream nor --downstream, all of both.",
    )


@click.command(
    name="lineage",
    epilog=examples(
        "headwater lineage titles --upstream 10",
        "headwater lineage title_crew --downstream 10 --columns",
        "headwater lineage dev.imdb.titles.average_rating",
        "headwater lineage titles.average_rating --direct",
        "headwater lineage titles --format mermaid",
        "headwater lineage titles --at 2026-11-21T05:00:00Z",
        "headwater lineage titles --json | jq -r '.nodes[].name'",
    ),
)
@click.argument("node")
@_steps("upstream", "towards what it is made from")
@_steps("downstream", "towards what is made from it")
@click.option(
    "--columns",
    is_flag=True,
    help="Answer by columns; a column always is.",
)
@click.option(
    "--direct",
    is_flag=True,
    help="Of columns, follow only those whose values are used, not filters, joins and groupings.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(lineage_formats.FORMATS)),
    default="tree",
    show_default=True,
    help="How to print it.",
)
@at_option
@json_option("The same as --format json.")
@with_settings("graph")
def lineage(
    settings: Settings,
    node: str,
    at: str | None,
    upstream: int | None,
    downstream: int | None,
    form: str,
    *,
    columns: bool,
    direct: bool,
    as_json: bool,
) -> None:
    """Print the lineage of one table or column.

    NODE is a name, namespace/name, or an end of one that only one table has; of a column, a dot and its name follow. An
    ambiguous name lists what it may mean. Where a column's lineage is unknown, the lineage of its table is printed.
    """
    everywhere = FAR if upstream is None and downstream is None else 0
    up, down = (everywhere if steps is None else steps for steps in (upstream, downstream))
    with wiring.open_snapshot(settings.graph, at) as store, gap_reported(store, at):
        found = traverse.lineage(store, traverse.resolve(store, node), up, down, columns=columns, direct=direct)
    text = lineage_formats.FORMATS["json" if as_json else form](found)
    # Names are what others wrote; the tree has colours of its own, and spells out what is in names by itself.
    if as_json or form == "json":
        text = printable_json(text)
    elif form != "tree":
        text = printable(text)
    click.echo(text, nl=not text.endswith("\n"))
