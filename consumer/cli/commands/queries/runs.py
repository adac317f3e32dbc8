"""`headwater runs`: the history of runs of a dataset, a job or all jobs."""

from __future__ import annotations

from functools import partial

import click

from consumer import wiring
from consumer.cli.help_text import examples
from consumer.cli.options import at_option, json_option, with_settings
from consumer.cli.output import print_answer
from consumer.cli.past import gap_reported
from consumer.config.loader import Settings
from consumer.query.job_names import all_jobs, jobs_of
from consumer.query.runs import fed_newest, history
from consumer.render import answers, documents

STATES = ("START", "RUNNING", "COMPLETE", "FAIL", "ABORT")


@click.command(
    name="runs",
    epilog=examples(
        "headwater runs titles",
        "headwater runs --state FAIL --state ABORT",
        "headwater runs model.imdb_redshift.titles --limit 50 --json",
    ),
)
@click.argument("node", required=False)
@click.option(
    "--state",
    "states",
    type=click.Choice(STATES, case_sensitive=False),
    multiple=True,
    help="Only runs in this state; may be repeated.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Maximum number of runs.",
)
@at_option
@json_option("Print JSON.")
@with_settings("graph")
def runs(
    settings: Settings, node: str | None, at: str | None, states: tuple[str, ...], limit: int, *, as_json: bool
) -> None:
    """List the latest runs, newest first.

    NODE is a job's name, or a dataset: then the runs of the jobs that write it, and below them the runs that fed the
    newest one. Without NODE, the runs of all jobs. SKIPPED is a model that dbt did not run since what it names had
    failed; its state is ABORT.
    """
    with wiring.open_snapshot(settings.graph, at) as store, gap_reported(store, at):
        jobs = all_jobs(store) if node is None else jobs_of(store, node)
        found, total = history(store, jobs, limit, states)
        fed = fed_newest(store, found) if node is not None else {}
    text = partial(answers.runs, total=total, fed=fed, with_jobs=len(jobs) != 1)
    print_answer(found, text, partial(documents.runs, total=total, fed=fed), as_json=as_json)
