"""`headwater impact`: what breaks if a dataset or column changes."""

from __future__ import annotations

import click

from consumer import wiring
from consumer.cli.help_text import examples
from consumer.cli.options import at_option, json_option, with_settings
from consumer.cli.output import print_answer
from consumer.cli.past import gap_reported
from consumer.config.loader import Settings
from consumer.query.resolve import resolve
from consumer.query.traversal.impact import FAR, Change
from consumer.query.traversal.impact import impact as impact_of
from consumer.query.traversal.traverse import lineage
from consumer.render import answers, documents, lineage_formats

CSV, SVG = "csv", "svg"


@click.command(
    name="impact",
    epilog=examples(
        "headwater impact title_crew",
        "headwater impact title_crew.directors --change rename",
        "headwater impact title_crew --format csv > impact.csv",
        "headwater impact title_crew.directors --format svg > impact.svg",
        "headwater impact title_crew --at 7d",
    ),
)
@click.argument("node")
@click.option(
    "--change",
    type=click.Choice([change.value for change in Change]),
    default=Change.DROP.value,
    show_default=True,
    help="How NODE changes; stop means that its data no longer arrives.",
)
@click.option(
    "--depth",
    type=click.IntRange(min=1),
    metavar="N",
    default=FAR,
    help="Maximum number of steps downstream; all unless it is given.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", CSV, SVG]),
    default="table",
    show_default=True,
    help="Output format.",
)
@at_option
@json_option("The same as --format json.")
@with_settings("graph")
def impact(settings: Settings, node: str, at: str | None, change: str, depth: int, form: str, *, as_json: bool) -> None:
    """List what breaks if a dataset or column changes, with owners and exposures.

    NODE is a dataset, or a dataset, a dot and a column. DIRECT means that values come from it, INDIRECT that it decides
    which rows there are, unknown that column lineage ends on the way.
    """
    with wiring.open_snapshot(settings.graph, at) as store, gap_reported(store, at):
        found = impact_of(store, resolve(store, node), Change(change), depth)
        if form == SVG and not as_json:
            click.echo(lineage_formats.svg(lineage(store, found.root, 0, depth)), nl=False)
            return
    text = answers.impact_csv if form == CSV else answers.impact
    print_answer(found, text, documents.impact, as_json=as_json or form == "json")
