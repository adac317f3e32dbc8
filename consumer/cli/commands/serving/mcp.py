"""`headwater mcp`: lineage for an assistant."""

from __future__ import annotations

import sys
from functools import partial

import click

from consumer import wiring
from consumer.cli.help_text import examples
from consumer.cli.options import with_settings
from consumer.config.loader import Settings
from consumer.errors import UsageError


@click.command(
    name="mcp",
    epilog=examples(
        "headwater mcp --graph sqlite:////data/headwater.db",
        "claude mcp add headwater -- headwater mcp --graph sqlite:////data/headwater.db",
    ),
)
@with_settings("graph")
def mcp(settings: Settings) -> None:
    """Answer an assistant over the Model Context Protocol, on stdin and stdout.

    Eight read-only tools: find, describe, lineage, impact, changes, path, runs and why. Answers are at most 8,000
    tokens, with totals and a cursor; unknown lineage is not the same as none.
    """
    from consumer.mcp.server import server  # noqa: PLC0415 -- of the extra `serve`

    if sys.stdin is None:
        raise UsageError("standard input is closed; an assistant that starts this command connects it")
    wiring.open_existing(settings.graph, wiring.READER_RETRY_POLICY).close()
    server(partial(wiring.open_existing, settings.graph, wiring.READER_RETRY_POLICY)).run("stdio")
