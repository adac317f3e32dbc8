"""`headwater datazone`: whether what was forwarded is processed, and shown on the assets of the catalog."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
import orjson

from consumer import wiring
from consumer.cli.exit_codes import ExitCode
from consumer.cli.help_text import examples
from consumer.cli.options import Command, json_option, with_settings
from consumer.config.loader import Settings
from consumer.ingest import inputs
from consumer.ingest.document_writer import DocumentWriter
from consumer.ingest.pipeline import Pipeline
from consumer.safe_text import printable
from consumer.time_parsing import format_timestamp, parse_timestamp_ms

if TYPE_CHECKING:
    from consumer.datazone.domain import Domain
    from consumer.datazone.link_report import DatasetIdentities, Link
    from consumer.datazone.processing_status import DomainStatus, FailedEvent
    from consumer.datazone.routing import Target
    from consumer.datazone.source_identifier import Identities


@click.group(
    name="datazone",
    epilog=examples(
        "headwater datazone status --since 1d",
        "headwater datazone link-report",
        "headwater datazone link-report events.jsonl --json | jq 'select(.why != \"\")'",
    ),
)
def datazone() -> None:
    """Ask Amazon DataZone what became of the lineage that was forwarded.

    Both commands only read, with the role of each configured domain.
    """


def _since(default: str) -> Callable[[Command], Command]:
    return click.option(
        "--since",
        metavar="TIME",
        default=default,
        show_default=True,
        help="Events whose time is later: a time such as 2026-11-21T05:00:00Z, or a duration such as 12h or 7d.",
    )


@datazone.command(
    name="status",
    epilog=examples("headwater datazone status", "headwater datazone status --since 15m --wait 120 --json"),
)
@_since("1d")
@click.option(
    "--wait",
    "wait_s",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="Seconds to wait for events that are not processed yet.",
)
@json_option("Print a JSON object a line for each domain.")
@with_settings("datazone")
def status(settings: Settings, since: str, wait_s: float, *, as_json: bool) -> None:
    """Show how many of the posted events are processed, and why some failed.

    DataZone accepts an event first and processes it later; a failure of processing is reported nowhere else. Exits with
    1 if an event failed, or is not processed yet.
    """
    from consumer.datazone.processing_status import read_status, wait_until_processed  # noqa: PLC0415 -- boto3 only where it is needed

    after, good = _moment(since), True
    for domain in _domains(settings):
        wait_until_processed(domain, after, wait_s, time.monotonic, time.sleep)
        found = read_status(domain, after)
        good = good and not found.failed and not found.in_progress
        _tell_status(found, as_json=as_json)
    if not good:
        click.get_current_context().exit(ExitCode.FAILED)


@datazone.command(
    name="link-report",
    epilog=examples(
        "headwater datazone link-report --since 30d",
        "headwater datazone link-report events.jsonl   # before anything is forwarded",
    ),
)
@click.argument("files", metavar="[FILE]...", nargs=-1)
@_since("7d")
@json_option("Print a JSON object a line for each dataset.")
@with_settings("datazone")
def link_report(settings: Settings, files: tuple[str, ...], since: str, *, as_json: bool) -> None:
    """List datasets, and whether DataZone shows their lineage on an asset of its catalog.

    The datasets are those of the events that were posted, or of the OpenLineage events in FILE (as for `headwater
    ingest`) under the names that they would have. For each dataset without an asset the report says why, and what to
    configure. The exit code is 1 if any dataset has no asset.
    """
    from consumer.datazone.link_report import find_links  # noqa: PLC0415 -- boto3 only where it is needed

    domains = _domains(settings)
    found = _in_files(settings, files) if files else _posted(settings, domains, _moment(since))
    rows = [link for domain in domains for link in find_links(domain, found.get(domain.target, {}).items())]
    for row in rows:
        click.echo(orjson.dumps(_row(row)) if as_json else _line(row))
    count = sum(bool(row.asset_id) for row in rows)
    share = f" ({count / len(rows):.0%})" if rows else "; no event with datasets was found"
    click.echo(f"datasets linked to assets: {count:,} of {len(rows):,}{share}", err=True)
    if count < len(rows):
        click.get_current_context().exit(ExitCode.FAILED)


def _domains(settings: Settings) -> list[Domain]:
    from consumer.datazone.datazone_client import connect  # noqa: PLC0415
    from consumer.datazone.domain import Domain  # noqa: PLC0415

    return [Domain(target, connect(target, retries=True)) for target in wiring.datazone_targets(settings)]


def _identities(settings: Settings, target: Target) -> Identities:
    from consumer.datazone.source_identifier import Identities  # noqa: PLC0415

    return Identities(wiring.identity_rules(settings), target.account_id)


def _in_files(settings: Settings, files: Sequence[str]) -> DatasetIdentities:
    from consumer.datazone.link_report import DatasetCollector  # noqa: PLC0415
    from consumer.datazone.routing import Routes  # noqa: PLC0415

    datasets = DatasetCollector(
        Routes(settings.datazone), lambda target: _identities(settings, target), settings.datazone.forward
    )
    writer = DocumentWriter(datasets, settings.batch, lambda rejection: click.echo(str(rejection), err=True))
    Pipeline(writer).run(inputs.find(files))
    return datasets.datasets


def _posted(settings: Settings, domains: Iterable[Domain], since: datetime) -> DatasetIdentities:
    from consumer.datazone.link_report import posted_datasets  # noqa: PLC0415

    return {d.target: posted_datasets(d, _identities(settings, d.target), since) for d in domains}


def _moment(since: str) -> datetime:
    return datetime.fromtimestamp(parse_timestamp_ms(since, time.time(), "--since") / 1000, UTC)


def _tell_status(found: DomainStatus, *, as_json: bool) -> None:
    counts = {status.value: count for status, count in sorted(found.counts.items())}
    if as_json:
        failed = [_failure(one) | {"reasons": one.reasons} for one in found.failed]
        click.echo(orjson.dumps({"domain": found.domain_id, "counts": counts, "failed": failed}))
        return
    click.echo(f"{found.domain_id}: {', '.join(f'{n:,} {name}' for name, n in counts.items()) or 'no events'}")
    for one in found.failed:
        at = format_timestamp(int(one.event.time.timestamp() * 1000)) if one.event.time else "-"
        failure = _failure(one) | {"time": at}
        click.echo(printable(f"  FAILED  {'  '.join(failure.values())}: {'; '.join(one.reasons)}"))


def _failure(one: FailedEvent) -> dict[str, str]:
    event = one.event
    time_ = event.time.isoformat() if event.time else ""
    return {"id": event.id, "time": time_, "job": "/".join(event.job), "run": event.run_id}


def _row(link: Link) -> dict[str, Any]:
    return {
        "domain": link.domain_id,
        "namespace": link.dataset.namespace,
        "name": link.dataset.name,
        "source_identifier": link.source,
        "asset": link.asset_id,
        "linked": bool(link.asset_id),
        "why": link.why,
    }


def _line(link: Link) -> str:
    state = f"linked    {link.asset_id}" if link.asset_id else "unlinked"
    what = f"{state}  {link.source or ' '.join(link.dataset)}"
    return printable(what if not link.why else f"{what}\n          {link.why}")
