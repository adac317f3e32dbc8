"""`headwater check`: checks connections, credentials and permissions of the configured systems."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial

import click
import orjson

from consumer import wiring
from consumer.checks.finding import Finding, State
from consumer.cli.exit_codes import ExitCode
from consumer.cli.help_text import examples
from consumer.cli.options import json_option, with_settings
from consumer.config.loader import Settings
from consumer.errors import HeadwaterError, TransientError, UsageError
from consumer.graph import identity_rules
from consumer.graph.gremlin.deadline import RetryPolicy
from consumer.graph.store import Change, GraphStore, PropertyEquals, Vertex
from consumer.lineage.identity import NO_RULES, IdentityRules
from consumer.maintenance.leased_task import RECONCILE, last_scope
from consumer.masking import masked

RETRY_POLICY = RetryPolicy(max_elapsed_s=3.0, response_timeout_s=10.0)
"""Short, because the user waits for the result."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of checking one system.

    Attributes:
        system: Which.
        where: Its address.
        ok: Whether it can be used.
        message: What was found, or what is wrong and what to do.
        findings: What was looked at more closely, once it was reached.
    """

    system: str
    where: str
    ok: bool
    message: str
    findings: Sequence[Finding] = ()

    def with_findings(self, findings: Sequence[Finding]) -> Result:
        """Returns the same with more known; what failed of it fails all."""
        ok = self.ok and all(finding.state is not State.FAILED for finding in findings)
        return replace(self, ok=ok, findings=findings)

    def as_json(self) -> dict[str, object]:
        """As an object for machines."""
        return {**asdict(self), "findings": [finding._asdict() for finding in self.findings]}


def _print(results: Iterable[Result]) -> None:
    for result in results:
        state = State.OK if result.ok else State.FAILED
        click.echo(f"{result.system:6} {_styled(state)}  {result.where}: {result.message}")
        for finding in result.findings:
            click.echo(f"       {_styled(finding.state)}  {finding.what}: {finding.message}")


@click.command(
    name="check",
    epilog=examples(
        "headwater check",
        "headwater check graph --graph 'neptune://host:8182?region=us-east-1'",
        "headwater check kafka --create-topics --kafka-bootstrap-servers b-1.msk:9098 --kafka-auth iam",
    ),
)
@click.argument("systems", metavar="[SYSTEM]...", nargs=-1, type=click.Choice(["kafka", "graph", "datazone"]))
@click.option(
    "--create-topics",
    is_flag=True,
    help="First create the topics that are missing, with those of the channels in alerts.file.",
)
@json_option("Print a JSON array on stdout.")
@with_settings("graph", "kafka", "datazone", "identity", "alerts.file")
def check(settings: Settings, systems: tuple[str, ...], *, create_topics: bool, as_json: bool) -> None:
    """Check connections, credentials and permissions for Kafka, the graph and DataZone.

    SYSTEM is kafka, graph or datazone; the default is all, DataZone only if it is configured. Also checks versions,
    topic settings, lag and clock skew. Exits with 1 on failure; warnings do not count. Changes nothing, except for
    topics with --create-topics, which need other permissions than the service.
    """
    if create_topics and (not systems or "kafka" in systems):
        _create_topics(settings)
    checks: Mapping[str, Callable[[Settings], Result]] = {
        "kafka": partial(_kafka, as_member=not create_topics),
        "graph": _graph,
        "datazone": _datazone,
    }
    configured = [name for name in checks if name != "datazone" or wiring.forwards(settings)]
    results = [checks[system](settings) for system in dict.fromkeys(systems or configured)]
    if as_json:
        click.echo(orjson.dumps([result.as_json() for result in results]))
    else:
        _print(results)
    if not all(result.ok for result in results):
        click.get_current_context().exit(ExitCode.FAILED)


_COLOURS = {State.OK: "green", State.WARNING: "yellow", State.FAILED: "red"}


def _styled(state: State) -> str:
    return click.style(f"{state:7}", fg=_COLOURS[state])


def _create_topics(settings: Settings) -> None:
    from consumer.alerts.declarations import read_declarations  # noqa: PLC0415
    from consumer.kafka.topic_admin import create_topics  # noqa: PLC0415 -- the client only where it is needed

    channels = read_declarations(settings.alerts.file).channels
    alert_topics = dict.fromkeys(channel.topic for channel in channels if channel.type == "kafka")
    try:
        for outcome in create_topics(settings.kafka, alert_topics):
            what = "is created" if outcome.created else "was there, and is left as it is"
            click.echo(f"topic {outcome.name} {what}", err=True)
    except (UsageError, TransientError) as error:
        click.echo(f"topics are not created: {error}", err=True)


def _kafka(settings: Settings, *, as_member: bool) -> Result:
    from consumer.checks.kafka_cluster import inspect_cluster  # noqa: PLC0415
    from consumer.kafka.connectivity import diagnose  # noqa: PLC0415

    where = ",".join(settings.kafka.bootstrap_servers)
    try:
        found = diagnose(settings.kafka, (settings.kafka.topic, settings.kafka.dead_letter_topic))
        result = Result("kafka", where, found.ok, found.message.removeprefix(f"{where}: "))
        return result.with_findings(inspect_cluster(settings.kafka, as_member=as_member)) if found.ok else result
    except HeadwaterError as error:
        return Result("kafka", where, ok=False, message=str(error))


def _datazone(settings: Settings) -> Result:
    """Checks that each domain responds; permission to post can't be checked without a post."""
    domains = [route.domain_id for route in settings.datazone.routes] + [settings.datazone.domain_id or ""]
    where = ",".join(dict.fromkeys(filter(None, domains)))
    try:
        wiring.probe_datazone(settings)
    except HeadwaterError as error:
        return Result("datazone", where, ok=False, message=str(error))
    return Result("datazone", where, ok=True, message="reached, authenticated, its events can be listed")


def _graph(settings: Settings) -> Result:
    url = settings.graph
    try:
        path = wiring.sqlite_file(url)
        if path is not None and not path.exists():
            folder = path.absolute().parent
            words = "not there yet; the first event makes it" if folder.is_dir() else f"there is no folder {folder}"
            return Result("graph", masked(url), folder.is_dir(), words)
        findings = _of_neptune(url)
    except HeadwaterError as error:
        return Result("graph", masked(url), ok=False, message=masked(str(error)))
    used = _used(url, wiring.identity_settings(settings))
    return used.with_findings([*findings, *used.findings])


def _used(url: str, configured: IdentityRules | None) -> Result:
    """Checks that a graph responds, accepts the service's requests, and shows the identity settings."""
    try:
        with closing(wiring.open_graph(url, RETRY_POLICY)) as store:
            store.read([_NOTHING.owner.id])
            store.write([_NOTHING])
            findings = _of_identity(store, configured)
    except HeadwaterError as error:
        return Result("graph", masked(url), ok=False, message=masked(str(error)))
    return Result("graph", masked(url), ok=True, message="reached, authenticated, reads and writes", findings=findings)


def _of_identity(store: GraphStore, configured: IdentityRules | None) -> list[Finding]:
    """Compares the rules that a graph was written and reconciled under with those of the settings."""
    of_graph, reconciled = identity_rules.stored_rules(store) or NO_RULES, last_scope(store, RECONCILE)
    rules = of_graph if configured is None else configured
    if rules == of_graph and reconciled in {None, rules.digest}:
        return []
    words = "the graph was written under other identity settings: correct these, or run headwater reconcile with them"
    return [Finding("identity", State.WARNING, words)]


def _of_neptune(url: str) -> list[Finding]:
    """Returns the findings about Neptune; none for other servers."""
    if not url.startswith("neptune://"):
        return []
    from consumer.checks.neptune_status import inspect_neptune  # noqa: PLC0415
    from consumer.graph.gremlin.endpoint import Address  # noqa: PLC0415 -- only where a server is asked

    return inspect_neptune(Address.parse(url))


# A real write, which asks for a right of its own on Neptune; its condition holds for no graph, so it does nothing. It
# must name a property to set: without one there is no step in it that writes.
_NEVER = PropertyEquals("headwater_check", value=True)
_NOTHING = Change(Vertex("headwater:check", "lineage_node", {_NEVER.key: _NEVER.value}), when=_NEVER, token=_NEVER)
