"""The command `headwater`: its subcommands, and what becomes of their errors.

Data goes to stdout, talk to stderr. Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 a difference that
`diff --fail-on` names, 130 interrupted.
"""

from __future__ import annotations

import errno
import sys
import traceback
from typing import Any, NoReturn

import click

from consumer.cli.command_group import LazyGroup
from consumer.cli.exit_codes import ExitCode
from consumer.cli.extras import missing_extra
from consumer.cli.help_text import DEBUG, examples
from consumer.cli.standard_streams import explained, replace_closed
from consumer.errors import HeadwaterError, UsageError
from consumer.masking import masked
from consumer.runtime import tune_gc

COMMANDS = {
    "consumer.cli.commands.ingestion": ("ingest", "backfill", "consume", "load"),
    "consumer.cli.commands.queries": ("search", "show", "lineage", "impact", "path", "runs", "why", "diff", "export"),
    "consumer.cli.commands.serving": ("serve", "create-key", "mcp"),
    "consumer.cli.commands.operations": (
        *("alerts", "dead-letters", "replay", "reconcile", "prune", "retire", "datazone"),
        *("check", "print-config", "demo"),
    ),
}
"""Names of the commands by package: those that fill a graph, answer from it, serve it, and operate it."""


class _Commands(LazyGroup):
    """Commands whose errors end them with a line that a person can act on."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; turns its errors into exit codes."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            click.echo("; ".join(("headwater: interrupted", *map(str, interrupt.args))), err=True)
            ctx.exit(ExitCode.INTERRUPTED)
        except HeadwaterError as error:
            _fail(ctx, str(error), ExitCode.USAGE if isinstance(error, UsageError) else ExitCode.FAILED)
        except (click.exceptions.Exit, click.Abort, click.ClickException):
            raise
        except Exception as error:
            if isinstance(error, ModuleNotFoundError) and (advice := missing_extra(error)):
                _fail(ctx, advice, ExitCode.USAGE)
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # the reader of our output has exited; click ends quietly
            if isinstance(error, OSError) and (reason := explained(error)):
                _fail(ctx, reason, ExitCode.FAILED)
            hint = "" if ctx.meta.get(DEBUG) else "; --debug shows where, please report it"
            _fail(ctx, f"this is a fault of Headwater: {type(error).__name__}: {error}{hint}", ExitCode.FAILED)


def _fail(ctx: click.Context, message: str, code: ExitCode) -> NoReturn:
    if ctx.meta.get(DEBUG):
        click.echo(masked(traceback.format_exc()), err=True, nl=False)
    click.echo(f"headwater: {masked(message)}", err=True)
    ctx.exit(code)


@click.group(
    cls=_Commands,
    packages=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    epilog=examples("headwater demo", "headwater ingest events.jsonl", "headwater lineage titles --upstream 5"),
)
@click.version_option(package_name="headwater")
def cli() -> None:
    """Lineage from dbt on Athena and Redshift, in a graph that people query.

    Settings come from flags, then environment variables, then the file given with --config, then defaults; `headwater
    print-config` shows them. Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 a difference that `diff
    --fail-on` names, 130 interrupted.
    """


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    replace_closed()
    tune_gc()
    try:
        cli(prog_name="headwater")
    except OSError as error:  # of --help and --version, which print before a command runs
        if (reason := explained(error)) is None:
            raise
        click.echo(f"headwater: {reason}", err=True)
        sys.exit(ExitCode.FAILED)
