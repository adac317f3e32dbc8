"""`headwater export`: the whole graph."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from consumer import wiring
from consumer.cli.help_text import examples
from consumer.cli.options import at_option, with_settings
from consumer.cli.past import gap_reported
from consumer.config.loader import Settings
from consumer.errors import HeadwaterError, UsageError
from consumer.graph.store import GraphStore
from consumer.render import neptune_csv
from consumer.render.export_formats import FORMATS, lineage_map

TABLES = "neptune-csv"
MAP = "lineage-map"


@click.command(
    name="export",
    epilog=examples(
        "headwater export > graph.json",
        "headwater export --at 2026-11-21 > before.json",
        "headwater export --graph ws://localhost:8182/gremlin --format mermaid",
        "headwater export --format neptune-csv --output load/   # vertices.csv and edges.csv",
        "headwater export --format dot | dot -Tsvg > graph.svg",
        "headwater export --format html > lineage.html   # the page, without a server",
    ),
)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    default="json",
    show_default=True,
    help="json is for machines, and the same for the same events whatever the store.",
)
@click.option(
    "--tests",
    is_flag=True,
    help="Add dbt's tests to a lineage-map, as children of what they test.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="File to write, or folder for neptune-csv; stdout if it is not given.",
)
@at_option
@with_settings("graph")
def export(settings: Settings, form: str, output: Path | None, at: str | None, *, tests: bool) -> None:
    """Print the whole graph."""
    if tests and form != MAP:
        raise UsageError(f"--tests is for --format {MAP}; {form} has all jobs anyway, or none")
    render = partial(lineage_map, tests=True) if tests else FORMATS[form]
    with wiring.open_snapshot(settings.graph, at) as store, gap_reported(store, at):
        if output is None:
            click.echo(render(store), nl=False)
            return
        files = _tables(store, output) if form == TABLES else {output: render(store)}
    try:
        for path, data in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    except OSError as error:
        raise HeadwaterError(f"--output {output} can't be written: {error.strerror}") from error
    click.echo(f"wrote {', '.join(map(str, files))}", err=True)


def _tables(store: GraphStore, output: Path) -> dict[Path, bytes]:
    return {output / name: text.encode() for name, text in neptune_csv.files(store).items()}
