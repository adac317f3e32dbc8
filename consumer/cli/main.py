"""The command `headwater`: its subcommands, and what becomes of their errors.

Data goes to stdout, talk to stderr. Exit codes: 0 done, 1 failed, 2 usage or configuration, 130 interrupted.
"""

from __future__ import annotations

import errno
import traceback
from typing import Any, NoReturn

import click

from consumer.cli.commands.backfill import backfill
from consumer.cli.commands.check import check
from consumer.cli.commands.consume import consume
from consumer.cli.commands.create_key import create_key
from consumer.cli.commands.datazone import datazone
from consumer.cli.commands.dead_letters import dead_letters
from consumer.cli.commands.demo import demo
from consumer.cli.commands.export import export
from consumer.cli.commands.impact import impact
from consumer.cli.commands.ingest import ingest
from consumer.cli.commands.lineage import lineage
from consumer.cli.commands.load import load
from consumer.cli.commands.mcp import mcp
from consumer.cli.commands.path import path
from consumer.cli.commands.print_config import print_config
from consumer.cli.commands.prune import prune
from consumer.cli.commands.reconcile import reconcile
from consumer.cli.commands.replay import replay
from consumer.cli.commands.runs import runs
from consumer.cli.commands.search import search
from consumer.cli.commands.serve import serve
from consumer.cli.commands.show import show
from consumer.cli.commands.why import why
from consumer.cli.extras import missing_extra
from consumer.cli.options import DEBUG, examples
from consumer.errors import HeadwaterError, UsageError
from consumer.masking import masked
from consumer.runtime import tune_gc

FAILED = 1
USAGE = 2
INTERRUPTED = 130


class _Commands(click.Group):
    """Commands whose errors end them with a line that a person can act on."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; turns its errors into exit codes."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("headwater: interrupted", err=True)
            ctx.exit(INTERRUPTED)
        except HeadwaterError as error:
            _fail(ctx, str(error), USAGE if isinstance(error, UsageError) else FAILED)
        except (click.exceptions.Exit, click.Abort, click.ClickException):
            raise
        except Exception as error:
            if isinstance(error, ModuleNotFoundError) and (advice := missing_extra(error)):
                _fail(ctx, advice, USAGE)
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # whoever read our output has gone; click ends quietly
            hint = "" if ctx.meta.get(DEBUG) else "; --debug shows where, please report it"
            _fail(ctx, f"this is a fault of Headwater: {type(error).__name__}: {error}{hint}", FAILED)


def _fail(ctx: click.Context, message: str, code: int) -> NoReturn:
    if ctx.meta.get(DEBUG):
        click.echo(masked(traceback.format_exc()), err=True, nl=False)
    click.echo(f"headwater: {masked(message)}", err=True)
    ctx.exit(code)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    epilog=examples("headwater demo", "headwater ingest events.jsonl", "headwater lineage titles --upstream 5"),
)
@click.version_option(package_name="headwater")
def cli() -> None:
    """Lineage from dbt on Athena and Redshift, in a graph that people query.

    Settings come from flags, then environment variables, then the file given with --config, then defaults; `headwater
    print-config` shows them. Exit codes: 0 done, 1 failed, 2 usage or configuration, 130 interrupted.
    """


for _command in (
    ingest,
    backfill,
    consume,
    export,
    load,
    search,
    show,
    lineage,
    impact,
    path,
    runs,
    why,
    serve,
    create_key,
    mcp,
    dead_letters,
    replay,
    reconcile,
    prune,
    datazone,
    check,
    print_config,
    demo,
):
    cli.add_command(_command)


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    tune_gc()
    cli(prog_name="headwater")
