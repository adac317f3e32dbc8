"""`headwater search`: find datasets by name, column, description, tag or owner."""

from __future__ import annotations

import click

from consumer import wiring
from consumer.cli.help_text import examples
from consumer.cli.options import json_option, with_settings
from consumer.cli.output import print_answer
from consumer.config.loader import Settings
from consumer.query.catalog.search import SearchIndex
from consumer.render import answers, documents


@click.command(
    name="search",
    epilog=examples(
        "headwater search crew",
        "headwater search owner:film-data rating",
        'headwater search tag:pii "engine:redshift"',
        "headwater search column:tconst --json | jq -r '.results[].name'",
    ),
)
@click.argument("query", nargs=-1, required=True)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Maximum number of results.",
)
@json_option("Print JSON.")
@with_settings("graph")
def search(settings: Settings, query: tuple[str, ...], limit: int, *, as_json: bool) -> None:
    """Find datasets by name, column, description, tag or owner.

    Every word of QUERY must occur in the name, an alias, a column, a tag, an owner or the description. The filters
    owner:, tag:, engine: and column: narrow the results.
    """
    index = SearchIndex()
    with wiring.open_snapshot(settings.graph) as store:
        index.refresh(store)
    found = index.search(" ".join(query), limit)
    print_answer(found, answers.search, documents.results, as_json=as_json)
