"""`headwater alerts`: who should know of changes of lineage, and of failed runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import click
import orjson
import structlog

from consumer import wiring
from consumer.cli.help_text import examples
from consumer.cli.options import json_option, with_settings
from consumer.cli.stop_signals import StopSignals
from consumer.config.loader import Settings
from consumer.errors import UsageError
from consumer.safe_text import printable
from consumer.time_parsing import format_timestamp, parse_timestamp_ms
from schemas.counted import counted

if TYPE_CHECKING:
    from consumer.alerts.journal import Entry
    from consumer.alerts.service import AlertService

_log = structlog.get_logger(__name__)

_RULE_LINE = "{:<20} {:<16} {:<10} {}"


@click.group(
    name="alerts",
    invoke_without_command=True,
    epilog=examples(
        "headwater alerts --alerts-file alerts.toml",
        "headwater alerts --once --alerts-file alerts.toml",
        "headwater alerts list --since 7d",
        "headwater alerts test platform --alerts-file alerts.toml",
    ),
)
@click.option(
    "--once",
    is_flag=True,
    help="Evaluate and deliver what there is, and end.",
)
@with_settings("graph", "kafka", "alerts", "http")
@click.pass_context
def alerts(context: click.Context, settings: Settings, *, once: bool) -> None:
    """Raise alerts on lineage changes, failed and missing runs, and deliver them until SIGTERM.

    Rules, channels and mutes are declared in the file of --alerts-file; see docs/alerts.md. Several processes may run
    on one graph: one at a time evaluates, and one at a time delivers to each channel. `headwater consume` does the
    same beside its work if alerts.file is set.
    """
    if context.invoked_subcommand is not None:
        return
    declared = _declared(settings)
    if not declared.channels:
        raise UsageError("no channel is declared: add [[channels]] to the file that alerts.file names")
    wiring.require_existing(settings.graph)
    if once:
        _run_once(settings)
    else:
        _serve(settings)


def _declared(settings: Settings) -> Any:
    """Reads the declarations, and checks that each channel can be opened."""
    from consumer.alerts.channels.open_channel import open_channel  # noqa: PLC0415 -- only this command needs it
    from consumer.alerts.declarations import read_declarations  # noqa: PLC0415

    declared = read_declarations(settings.alerts.file)
    for channel in declared.channels:
        open_channel(channel, settings.kafka, time.time).close()
    return declared


def _run_once(settings: Settings) -> None:
    from consumer.alerts.meter import UnmeteredAlerts  # noqa: PLC0415

    hurried = settings.alerts.model_copy(update={"settle_s": 0.0, "evaluate_every_s": 0.0})
    service = wiring.alert_service(settings.model_copy(update={"alerts": hurried}), UnmeteredAlerts())
    with closing(service):
        while service.turn():
            pass


def _serve(settings: Settings) -> None:
    from consumer.alerts.prometheus_meter import PrometheusAlertMeter  # noqa: PLC0415
    from consumer.alerts.service import AlertLoop  # noqa: PLC0415
    from consumer.telemetry.setup import instrumented  # noqa: PLC0415

    stop = StopSignals()
    ask = partial(wiring.probe_graph, settings, stop.requested)
    with instrumented(settings, stop.requested, ask) as service:
        meter = PrometheusAlertMeter(service.metrics)
        opens: Callable[[], AlertService] = partial(wiring.alert_service, settings, meter)
        _log.info("alerting", graph=settings.graph, file=str(settings.alerts.file))
        AlertLoop(opens, settings.alerts.check_every_s, stop.requested, _Watcher(service.health)).run()
    _log.info("stopped", signal=stop.signal)
    stop.finish()


class _Watcher:
    """Reports the turns of the loop to health checks."""

    def __init__(self, health: Any) -> None:
        self._health = health
        self._moved = time.monotonic()
        health.follow(lambda: time.monotonic() - self._moved)

    def turned(self) -> None:
        self._moved = time.monotonic()
        self._health.read(member=True)
        self._health.committed()

    def failed(self, _: Exception) -> None:
        self._moved = time.monotonic()
        self._health.failed("writing")


@alerts.command(
    name="list",
    epilog=examples("headwater alerts list --since 7d", "headwater alerts list --open --json | jq .summary"),
)
@click.option(
    "--since",
    metavar="TIME",
    help="Only those recorded since then: a time such as 2026-11-21T05:00:00Z, or a duration such as 12h or 7d.",
)
@click.option(
    "--open",
    "only_open",
    is_flag=True,
    help="Only conditions that last.",
)
@json_option("Print a JSON object a line for each alert, as channels get it.")
@with_settings("graph")
def list_alerts(settings: Settings, since: str | None, *, only_open: bool, as_json: bool) -> None:
    """List recorded alerts: time, rule, what happened; symptoms follow the mark `+` under the alert of their cause."""
    from consumer.alerts.journal import Journal  # noqa: PLC0415

    after = parse_timestamp_ms(since, time.time(), "--since") / 1000 if since else 0.0
    with wiring.open_snapshot(settings.graph) as store:
        for entry in Journal(store).all(lambda one: one.recorded >= after and (one.open or not only_open)):
            click.echo(_json(entry, settings.alerts.source) if as_json else _line(entry))


def _json(entry: Entry, source: str) -> bytes:
    event = entry.event(source)
    return orjson.dumps({**event.data, "id": event.id, "cause": entry.cause or None, "open": entry.open})


def _line(entry: Entry) -> str:
    mark = "+" if entry.cause else "=" if entry.known else "!"
    summary = printable(str(entry.document()["summary"]))
    return f"{mark} {format_timestamp(entry.recorded * 1000)}  {entry.rule:<16} {summary}"


@alerts.command(name="rules", epilog=examples("headwater alerts rules", "headwater alerts rules --json"))
@json_option("Print JSON.")
@with_settings("alerts")
def list_rules(settings: Settings, *, as_json: bool) -> None:
    """List the rules in force: those of the file, or else those that Headwater ships."""
    from consumer.alerts.declarations import SEVERITIES, read_declarations  # noqa: PLC0415

    rules = read_declarations(settings.alerts.file).rules
    if not as_json:
        click.echo(_RULE_LINE.format("rule", "kind", "severity", "datasets"))
    for rule in rules:
        if as_json:
            click.echo(orjson.dumps(rule.model_dump(mode="json")))
        else:
            severity = rule.severity or SEVERITIES.get(rule.kind) or "by change"
            click.echo(_RULE_LINE.format(rule.name, rule.kind, severity, ", ".join(rule.datasets)))


@alerts.command(name="test", epilog=examples("headwater alerts test platform --alerts-file alerts.toml"))
@click.argument("channel")
@with_settings("kafka", "alerts")
def send_test(settings: Settings, channel: str) -> None:
    """Send an event of type io.headwater.alert.test.v1 to CHANNEL, to see that it arrives."""
    from consumer.alerts.channels.open_channel import open_channel  # noqa: PLC0415
    from consumer.alerts.cloud_event import trial_event  # noqa: PLC0415
    from consumer.alerts.declarations import read_declarations  # noqa: PLC0415

    declared = {one.name: one for one in read_declarations(settings.alerts.file).channels}
    if channel not in declared:
        raise UsageError(f"no channel is called {channel}; declared: {', '.join(sorted(declared)) or 'none'}")
    now = format_timestamp(int(time.time() * 1000))
    with closing(open_channel(declared[channel], settings.kafka, time.time)) as opened:
        opened.send([trial_event(settings.alerts.source, now)])
    click.echo(f"{channel} has acknowledged the test event", err=True)


@alerts.command(
    name="undelivered", epilog=examples("headwater alerts undelivered", "headwater alerts undelivered --json")
)
@json_option("Print a JSON object a line for each.")
@with_settings("graph")
def list_undelivered(settings: Settings, *, as_json: bool) -> None:
    """List the alerts that a channel refused or did not take in time, with the reason."""
    from consumer.alerts.dead_letters import letters  # noqa: PLC0415

    with wiring.open_snapshot(settings.graph) as store:
        for one in letters(store):
            line = f"{one.at}  {one.channel}  {one.number}  {printable(one.reason)}"
            click.echo(orjson.dumps(one._asdict()) if as_json else line)


@alerts.command(name="redrive", epilog=examples("headwater alerts redrive platform --alerts-file alerts.toml"))
@click.argument("channel")
@with_settings("graph", "kafka", "alerts")
def redrive(settings: Settings, channel: str) -> None:
    """Send the undelivered alerts of CHANNEL once more; each is removed from the list when it is acknowledged."""
    from consumer.alerts.channels.open_channel import open_channel  # noqa: PLC0415
    from consumer.alerts.dead_letters import Redrive  # noqa: PLC0415
    from consumer.alerts.declarations import read_declarations  # noqa: PLC0415
    from consumer.maintenance.leased_task import JobLease  # noqa: PLC0415
    from consumer.maintenance.scheduler import lease_owner  # noqa: PLC0415

    declared = {one.name: one for one in read_declarations(settings.alerts.file).channels}
    if channel not in declared:
        raise UsageError(f"no channel is called {channel}; declared: {', '.join(sorted(declared)) or 'none'}")
    with (
        wiring.open_existing_graph(settings.graph) as store,
        closing(open_channel(declared[channel], settings.kafka, time.time)) as opened,
    ):
        lease = JobLease(store, f"redrive {channel}", lease_owner(), time.time, settings.alerts.lease_s)
        count = Redrive(store, channel, opened, lease, settings.alerts.source).run()
    click.echo(f"{counted(count, 'alert')} delivered to {channel}", err=True)
