"""`headwater dead-letters`: lists rejected records with the reason, and redrives them once the cause is fixed."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click
import orjson

from consumer.cli.exit_codes import ExitCode
from consumer.cli.help_text import examples
from consumer.cli.json_highlight import marked
from consumer.cli.options import Command, json_option, with_settings
from consumer.config.loader import Settings
from consumer.errors import UsageError
from consumer.safe_text import printable, printable_json
from consumer.time_parsing import format_timestamp, parse_timestamp_ms
from schemas.counted import counted

if TYPE_CHECKING:
    from consumer.kafka.redrive import StoredDeadLetter
    from consumer.kafka.topic_reader import TopicReader

MOST_WORDS = 120
"""Characters of path and reason in a list."""


@click.group(
    name="dead-letters",
    epilog=examples(
        "headwater dead-letters list --since 1d",
        "headwater dead-letters show 0:12",
        "headwater dead-letters redrive --all --dry-run",
    ),
)
def dead_letters() -> None:
    """List, show and redrive the records that could not be folded.

    They are in the dead-letter topic as they were, each with its reason, until retention removes them. A dead letter is
    identified by its PARTITION:OFFSET there.
    """


def _filters(command: Command) -> Command:
    """Returns the options that choose letters."""
    since = click.option(
        "--since",
        metavar="TIME",
        help="Only those rejected since then: a time such as 2026-11-21T05:00:00Z, or a duration such as 12h or 7d.",
    )
    reason = click.option(
        "--reason",
        metavar="TEXT",
        default="",
        help="Only those whose reason or path has this text in it, in any case.",
    )
    return since(reason(command))


@dead_letters.command(
    name="list",
    epilog=examples(
        "headwater dead-letters list",
        "headwater dead-letters list --since 12h --reason eventTime",
        "headwater dead-letters list --limit 1000000 --json | jq -r .reason | sort | uniq -c",
    ),
)
@_filters
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Maximum number of dead letters, the latest ones.",
)
@json_option("Print a JSON object a line for each letter.")
@with_settings("kafka")
def list_letters(settings: Settings, since: str | None, reason: str, limit: int, *, as_json: bool) -> None:
    """List dead letters: place, time, where the record came from, and why it was rejected."""
    count, latest = 0, deque[dict[str, Any]](maxlen=limit)
    with _reader(settings) as reader:
        for letter in _chosen(reader, since, reason):
            count += 1
            latest.append(_row(letter))
    for row in sorted(latest, key=lambda row: str(row["rejected_at"])):
        click.echo(_json(row) if as_json else _line(row))
    words = f"the latest {limit:,} of {count:,}; --limit shows more" if count > limit else counted(count, "dead letter")
    click.echo(f"{settings.kafka.dead_letter_topic}: {words}", err=True)


@dead_letters.command(
    name="show",
    epilog=examples(
        "headwater dead-letters show 0:12",
        "headwater dead-letters show 0:12 --json | jq -r .value > event.json",
    ),
)
@click.argument("position", metavar="PARTITION:OFFSET")
@json_option("Print one JSON object.")
@with_settings("kafka")
def show(settings: Settings, position: str, *, as_json: bool) -> None:
    """Show one dead letter in full: its origin, its reason, and its document with the place marked."""
    from consumer.kafka.offset_range import Position  # noqa: PLC0415
    from consumer.kafka.redrive import dead_letter_at  # noqa: PLC0415 -- the client only where it is needed

    wanted = Position.parse(position)
    with _reader(settings) as reader:
        letter = dead_letter_at(reader, wanted)
    if as_json:
        click.echo(_json(_whole(letter)))
        return
    for name, value in _row(letter).items():
        click.echo(f"{name:12} {printable(str(value))}")
    for name, data in letter.dead_letter.record.headers:
        click.echo(f"header       {printable(name)}: {printable(_text(data))}")
    value = letter.dead_letter.record.value
    click.echo()
    click.echo("(no value)" if value is None else "\n".join(marked(value, letter.dead_letter.path)))
    if (whole := letter.dead_letter.record.truncation) is not None:
        click.echo(f"(the first {len(value or b''):,} of {whole.length:,} bytes; the rest is not kept)")


def _due(
    letters: Iterable[StoredDeadLetter], outcomes: _Outcomes, max_ahead_s: float, *, again: bool, force: bool
) -> Iterator[StoredDeadLetter]:
    """Yields the dead letters to redrive; prints what becomes of the others.

    Args:
        letters: The chosen ones.
        outcomes: Prints and counts.
        max_ahead_s: Seconds by which an eventTime may be ahead.
        again: Also those that were redriven already.
        force: Also those that would be rejected again.
    """
    from consumer.kafka.redrive import rejection_reason  # noqa: PLC0415 -- the client only where it is needed

    for letter in letters:
        why = rejection_reason(letter, max_ahead_s, int(time.time() * 1000))
        if letter.redriven and not again:
            outcomes.tell(letter, "already")
        elif why and not (force and letter.is_redrivable):
            outcomes.tell(letter, "refused", why)
        else:
            yield letter


@dead_letters.command(
    name="redrive",
    epilog=examples(
        "headwater dead-letters redrive 0:12 0:13",
        "headwater dead-letters redrive --since 2d --reason 'no permission' --dry-run",
        "headwater dead-letters redrive --all",
    ),
)
@click.argument("positions", metavar="[PARTITION:OFFSET]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Redrive all dead letters.")
@_filters
@click.option(
    "--dry-run",
    is_flag=True,
    help="Only list what would be redriven, and what would not.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Also redrive what would be rejected again, and what is named and was redriven before.",
)
@json_option("Print a JSON object a line for each letter.")
@with_settings("kafka", "dead_letters.max_ahead_s")
def redrive(
    settings: Settings,
    positions: tuple[str, ...],
    since: str | None,
    reason: str,
    *,
    everything: bool,
    dry_run: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Put rejected records back into their topics, as they were.

    What would be rejected again stays where it is, and the exit code is 1. What went back is marked, so that it does
    not go back twice when this is run again.
    """
    from consumer.kafka.producer import TopicProducer  # noqa: PLC0415 -- the client only where it is needed
    from consumer.kafka.redrive import Redrive  # noqa: PLC0415

    if bool(positions) == bool(everything or since or reason):
        raise UsageError("say which letters: PARTITION:OFFSET..., or --all, --since or --reason")
    outcomes = _Outcomes(as_json=as_json)

    with _reader(settings) as reader, closing(TopicProducer(settings.kafka)) as producer:
        letters = _named(reader, positions) if positions else _chosen(reader, since, reason)
        max_ahead_s = settings.dead_letters.max_ahead_s
        due = _due(letters, outcomes, max_ahead_s, again=force and bool(positions), force=force)
        if dry_run:
            for letter in due:
                outcomes.tell(letter, "redriven")
        else:
            Redrive(producer, settings.kafka.dead_letter_topic, outcomes.redriven, outcomes.refused).run(due)
    click.echo(outcomes.summary("would be " if dry_run else ""), err=True)
    if outcomes.count["refused"]:
        click.get_current_context().exit(ExitCode.FAILED)


class _Outcomes:
    """Reports the outcome of each dead letter."""

    def __init__(self, *, as_json: bool) -> None:
        self.count = Counter[str]()
        self._as_json = as_json

    def redriven(self, letter: StoredDeadLetter) -> None:
        """Reports a redriven dead letter."""
        self.tell(letter, "redriven")

    def refused(self, letter: StoredDeadLetter, why: str) -> None:
        """Reports a dead letter that its topic rejects."""
        self.tell(letter, "refused", why)

    def tell(self, letter: StoredDeadLetter, outcome: str, why: str = "") -> None:
        """Counts it, and prints a line."""
        self.count[outcome] += 1
        if self._as_json:
            click.echo(_json({**_row(letter), "outcome": outcome, "hindrance": why}))
        else:
            click.echo(
                f"{letter.position}  {letter.dead_letter.record}  {outcome}{printable(f': {why}' if why else '')}"
            )

    def summary(self, would: str) -> str:
        """Returns all of it in a line."""
        count = self.count
        went = f"{count['redriven']:,} {would}redriven, {count['refused']:,} {would}refused"
        return f"{went}, {count['already']:,} went back before"


def _reader(settings: Settings) -> Any:
    from consumer.kafka.topic_reader import open_reader  # noqa: PLC0415 -- the client only where it is needed

    return open_reader(settings.kafka, settings.kafka.dead_letter_topic)


def _chosen(reader: TopicReader, since: str | None, reason: str) -> Iterator[StoredDeadLetter]:
    from consumer.kafka.redrive import stored_dead_letters  # noqa: PLC0415

    since_ms = None if since is None else parse_timestamp_ms(since, time.time(), "--since")
    return (letter for letter in stored_dead_letters(reader, since_ms) if letter.matches(reason))


def _named(reader: TopicReader, positions: tuple[str, ...]) -> Iterator[StoredDeadLetter]:
    from consumer.kafka.offset_range import Position  # noqa: PLC0415
    from consumer.kafka.redrive import dead_letter_at  # noqa: PLC0415

    # One after the other, as each may have megabytes; but what is no position is refused before anything is written.
    wanted = dict.fromkeys(map(Position.parse, positions))
    return (dead_letter_at(reader, position) for position in wanted)


def _row(letter: StoredDeadLetter) -> dict[str, Any]:
    """Returns a dead letter's row in a list."""
    record = letter.dead_letter.record
    return {
        "letter": str(letter.position),
        "rejected_at": format_timestamp(letter.rejected_ms),
        "state": "redriven" if letter.redriven else "waiting",
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": format_timestamp(record.timestamp_ms),
        "key": None if record.key is None else _text(record.key),
        "bytes": record.size if record.truncation is None else record.truncation.length,
        "kept_bytes": record.size,
        "sha256": None if record.truncation is None else record.truncation.sha256,
        "path": letter.dead_letter.path,
        "reason": letter.dead_letter.reason,
    }


def _json(row: dict[str, Any]) -> str:
    return printable_json(orjson.dumps(row).decode())


def _line(row: dict[str, Any]) -> str:
    why = printable(f"{row['path']}: {row['reason']}")
    why = why if len(why) <= MOST_WORDS else f"{why[:MOST_WORDS]}..."
    origin = f"{row['topic']}[{row['partition']}]@{row['offset']}"
    return f"{row['letter']:8} {row['rejected_at']}  {row['state']:8}  {origin}  {why}"


def _whole(letter: StoredDeadLetter) -> dict[str, Any]:
    """Returns all of a letter."""
    record = letter.dead_letter.record
    return {
        **_row(letter),
        "headers": [[name, _text(data)] for name, data in record.headers],
        "value": None if record.value is None else _text(record.value),
    }


def _text(data: bytes) -> str:
    """Returns bytes as text; those that are none are spelled out."""
    return data.decode("utf-8", "backslashreplace")
