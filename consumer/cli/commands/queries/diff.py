"""`headwater diff`: what changed between two moments, two graphs or two exports."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import click
import orjson

from consumer import wiring
from consumer.cli.exit_codes import ExitCode
from consumer.cli.help_text import examples
from consumer.cli.options import json_option, with_settings
from consumer.cli.past import gap_reported
from consumer.config.loader import Settings
from consumer.errors import UsageError
from consumer.query.diff import Difference
from consumer.query.diff import diff as difference_of
from consumer.query.renamed import renamed
from consumer.query.resolve import resolve
from consumer.render import changes, export_json
from consumer.render.page.page_links import page_link
from consumer.safe_text import printable_json
from consumer.time_parsing import parse_moment, require_order
from schemas.counted import counted
from schemas.naming import DatasetName

_PAIR = 2


def _json(difference: Difference, link: str) -> str:
    data = orjson.dumps(changes.document(difference, link), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)
    return printable_json(data.decode())


_FORMATS: Mapping[str, Callable[[Difference, str], str]] = {
    "text": changes.text,
    "json": _json,
    "markdown": changes.markdown,
}


@click.command(
    name="diff",
    epilog=examples(
        "headwater diff --from 2026-11-20 --to 2026-11-21",
        "headwater diff --from 7d titles",
        "headwater diff main.json pull-request.json --rename imdb_ci=imdb --format markdown",
        "headwater diff sqlite:///main.db sqlite:///ci.db --fail-on breaking",
    ),
)
@click.argument("what", nargs=-1)
@click.option(
    "--from",
    "since",
    metavar="TIME",
    help="Compare from this moment: a time, a date, or how long ago, such as 7d.",
)
@click.option(
    "--to",
    metavar="TIME",
    help="Compare with this moment; with the present if it is not given.",
)
@click.option(
    "--rename",
    "pairs",
    metavar="OLD=NEW",
    multiple=True,
    help="In the second graph, take a part of names, such as a schema, for another. Can be repeated.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(_FORMATS)),
    default="text",
    show_default=True,
    help="How to print it; markdown is for a comment on a pull request.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["breaking", "any"]),
    help="End with exit code 3 if there is a breaking change, or any.",
)
@json_option("The same as --format json.")
@with_settings("graph", "alerts.page_url")
def diff(
    settings: Settings,
    what: tuple[str, ...],
    since: str | None,
    to: str | None,
    pairs: tuple[str, ...],
    form: str,
    fail_on: str | None,
    *,
    as_json: bool,
) -> None:
    """Print which datasets, columns, types and edges were added and removed, by which job and run.

    With --from, WHAT is a dataset, or nothing for the whole graph. Without it, WHAT is two graphs or exports: a graph's
    URL, or a file that `headwater export` has written.
    """
    link = ""
    if since is not None:
        found, about = _between_moments(settings.graph, what, since, to)
        link = _link(settings.alerts.page_url, found, about, since, to)
    elif len(what) == _PAIR:
        found = difference_of(_read(what[0]), renamed(_read(what[1]), _renamings(pairs)))
    else:
        _refuse(what)
    rendered = _FORMATS["json" if as_json else form](found, link)
    click.echo(rendered, nl=not rendered.endswith("\n"))
    if (fail_on == "any" and found.records) or (fail_on == "breaking" and found.breaking):
        click.get_current_context().exit(ExitCode.DIFFERENT)


def _refuse(what: tuple[str, ...]) -> NoReturn:
    raise UsageError(
        f"{counted(len(what), 'argument')} without --from: name a moment with --from, or two graphs or exports"
    )


def _link(page_url: str | None, found: Difference, about: DatasetName | None, since: str, to: str | None) -> str:
    """Returns the URL of the page with the difference: at the dataset asked about, or at one that a change breaks."""
    if page_url is None or not found.records:
        return ""
    # The same later: a link is read after the moments to which it is relative.
    now = time.time()
    moment = {"from": parse_moment(since, now, "--from"), "to": parse_moment(to or "0s", now, "--to")}
    broken = sorted(change.dataset for _, change in found.breaking)
    changed = [*broken, *(change.dataset for record in found.records for change in record.changes)]
    return page_link(page_url, about or changed[0], **moment)


def _between_moments(
    graph: str, what: tuple[str, ...], since: str, to: str | None
) -> tuple[Difference, DatasetName | None]:
    """Compares two moments; returns the dataset that is asked about too."""
    if len(what) > 1:
        raise UsageError(f"{counted(len(what), 'argument')} with --from: name one dataset, or none for the whole graph")
    require_order(since, to, time.time(), ("--from", "--to"))
    about: DatasetName | None = None
    with wiring.open_snapshot(graph, to, "--to") as store:
        # A dataset that is gone by then is looked for in the earlier graph.
        with suppress(UsageError):
            about = resolve(store, what[0]).dataset if what else None
        after = export_json.document(store)
    with wiring.open_snapshot(graph, since, "--from") as store, gap_reported(store, since):
        if what and about is None:
            about = resolve(store, what[0]).dataset
        before = export_json.document(store)
    return difference_of(before, after, {about} if about is not None else None), about


def _read(what: str) -> dict[str, Any]:
    """Returns the export of a graph, or one that is in a file."""
    if "://" in what:
        with wiring.open_snapshot(what) as store:
            return export_json.document(store)
    try:
        document = orjson.loads(Path(what).read_bytes())
    except OSError as error:
        raise UsageError(f"{what} can't be read: {error.strerror}; name a graph's URL or an export's file") from error
    except orjson.JSONDecodeError as error:
        raise UsageError(f"{what} is not JSON: {error}; write it with headwater export --format json") from error
    if not isinstance(document, dict) or "column_edges" not in document:
        raise UsageError(f"{what} is not an export; write it with headwater export --format json")
    return document


def _renamings(pairs: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        old, separator, new = pair.partition("=")
        if not separator or not old:
            raise UsageError(f"--rename {pair!r} is not OLD=NEW; write imdb_ci=imdb")
        found[old] = new
    return found
