"""`headwater export`: the whole graph."""

from __future__ import annotations

from pathlib import Path

import click

from consumer import wiring
from consumer.errors import HeadwaterError
from consumer.graph import neptune_csv
from consumer.graph.render_export import FORMATS
from consumer.graph.store import GraphStore
from consumer.options import examples, with_settings
from consumer.settings import Settings

TABLES = "neptune-csv"


@click.command(
    name="export",
    epilog=examples(
        "headwater export > graph.json",
        "headwater export --graph ws://localhost:8182/gremlin --format mermaid",
        "headwater export --format neptune-csv --output load/   # vertices.csv and edges.csv",
        "headwater export --format dot | dot -Tsvg > graph.svg",
    ),
)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    default="json",
    show_default=True,
    envvar="HEADWATER_EXPORT__FORMAT",
    show_envvar=True,
    help="json is for machines, and the same for the same events whatever the store.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    envvar="HEADWATER_EXPORT__OUTPUT",
    show_envvar=True,
    help="File to write, or folder for neptune-csv; stdout if it is not given.",
)
@with_settings("graph")
def export(settings: Settings, form: str, output: Path | None) -> None:
    """Print the whole graph."""
    with wiring.reading(settings.graph) as store:
        if output is None:
            click.echo(FORMATS[form](store), nl=False)
            return
        files = _files(store, form, output)
    try:
        for path, data in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    except OSError as error:
        raise HeadwaterError(f"--output {output} can't be written: {error.strerror}") from error
    click.echo(f"wrote {', '.join(map(str, files))}", err=True)


def _files(store: GraphStore, form: str, output: Path) -> dict[Path, bytes]:
    if form == TABLES:
        return {output / name: text.encode() for name, text in neptune_csv.files(store).items()}
    return {output: FORMATS[form](store)}
