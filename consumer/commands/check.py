"""`headwater check`: whether the systems that the settings name can be reached, signed in to and used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import click
import orjson

from consumer import wiring
from consumer.errors import HeadwaterError, TransientError, UsageError
from consumer.graph.store import Change, Is, Vertex
from consumer.options import examples, json_option, with_settings
from consumer.settings import Settings

FAILED = 1


@dataclass(frozen=True, slots=True)
class Result:
    """What was found out about one system.

    Attributes:
        system: Which.
        where: Its address.
        ok: Whether it can be used.
        words: What was found, or what is wrong and what to do.
    """

    system: str
    where: str
    ok: bool
    words: str


@click.command(
    name="check",
    epilog=examples(
        "headwater check",
        "headwater check graph --graph 'neptune://host:8182?region=us-east-1'",
        "headwater check kafka --create-topics --kafka-bootstrap-servers b-1.msk:9098 --kafka-auth iam",
    ),
)
@click.argument("systems", metavar="[SYSTEM]...", nargs=-1, type=click.Choice(["kafka", "graph"]))
@click.option(
    "--create-topics",
    is_flag=True,
    envvar="HEADWATER_CHECK__CREATE_TOPICS",
    show_envvar=True,
    help="First create the topics that are missing.",
)
@json_option("Print a JSON array on stdout.")
@with_settings("graph", "kafka")
def check(settings: Settings, systems: tuple[str, ...], *, create_topics: bool, as_json: bool) -> None:
    """Ask Kafka and the graph whether they can be reached, signed in to and used.

    SYSTEM is kafka or graph; both are asked if none is named. The exit code is 1 if one fails. Nothing is changed,
    except for topics with --create-topics.
    """
    if create_topics and (not systems or "kafka" in systems):
        _create_topics(settings)
    checks: Mapping[str, Callable[[Settings], Result]] = {"kafka": _kafka, "graph": _graph}
    results = [checks[system](settings) for system in dict.fromkeys(systems or checks)]
    if as_json:
        click.echo(orjson.dumps([asdict(result) for result in results]))
    else:
        for result in results:
            told = click.style("ok    ", fg="green") if result.ok else click.style("failed", fg="red")
            click.echo(f"{result.system:6} {told}  {result.where}: {result.words}")
    if not all(result.ok for result in results):
        click.get_current_context().exit(FAILED)


def _create_topics(settings: Settings) -> None:
    from consumer.kafka.topics import create  # noqa: PLC0415 -- the client only where it is needed

    try:
        for outcome in create(settings.kafka):
            what = "is created" if outcome.created else "was there, and is left as it is"
            click.echo(f"topic {outcome.name} {what}", err=True)
    except (UsageError, TransientError) as error:
        click.echo(f"topics are not created: {error}", err=True)


def _kafka(settings: Settings) -> Result:
    from consumer.kafka.diagnosis import diagnose  # noqa: PLC0415

    where = ",".join(settings.kafka.bootstrap_servers)
    try:
        found = diagnose(settings.kafka, (settings.kafka.topic, settings.kafka.dead_letter_topic))
    except HeadwaterError as error:
        return Result("kafka", where, ok=False, words=str(error))
    return Result("kafka", where, found.ok, found.words.removeprefix(f"{where}: "))


def _graph(settings: Settings) -> Result:
    url = settings.graph
    try:
        path = wiring.sqlite_file(url)
        if path is not None and not path.exists():
            folder = path.absolute().parent
            words = "not there yet; the first event makes it" if folder.is_dir() else f"there is no folder {folder}"
            return Result("graph", url, folder.is_dir(), words)
        store = wiring.open_graph(url)
        try:
            store.read([_NOTHING.owner.id])
            store.write([_NOTHING])
        finally:
            store.close()
    except HeadwaterError as error:
        return Result("graph", url, ok=False, words=str(error))
    return Result("graph", url, ok=True, words="reached, signed in, reads and takes writes")


# A real write, which asks for a right of its own on Neptune; its condition holds for no graph, so it does nothing.
_NEVER = Is("headwater_check", value=True)
_NOTHING = Change(Vertex("headwater:check", "lineage_node", {}), when=_NEVER, token=_NEVER)
