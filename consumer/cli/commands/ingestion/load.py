"""`headwater load`: an export in Neptune's bulk load format, from S3 into Neptune."""

from __future__ import annotations

import re
from dataclasses import asdict

import click
import orjson

from consumer.cli.exit_codes import ExitCode
from consumer.cli.help_text import examples
from consumer.cli.options import json_option, with_settings
from consumer.config.loader import Settings
from consumer.errors import UsageError
from consumer.ingest.inputs import S3
from schemas.counted import counted

TIMEOUT_S = 600.0
"""For how long Neptune may not answer while a load is watched; a failover takes a minute or two."""

_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/\S+")


@click.command(
    name="load",
    epilog=examples(
        "headwater load --source s3://bucket/load/ --role arn:aws:iam::123456789012:role/NeptuneLoad"
        " --graph 'neptune://host:8182?region=us-east-1'",
        "headwater export --format neptune-csv --output load/ && aws s3 sync load/ s3://bucket/load/   # before it",
        "headwater load --load-id ef478d76-d9da-4d94-8ff1-08d9d4863aa5   # watch one that is under way",
    ),
)
@click.option(
    "--source",
    metavar="S3",
    help="s3://bucket/folder/ with the files of export --format neptune-csv.",
)
@click.option(
    "--role",
    metavar="ARN",
    help="Role of the cluster that may read them.",
)
@click.option(
    "--bucket-region",
    help="Region of the bucket; the graph's if it is not given.",
)
@click.option(
    "--update",
    is_flag=True,
    help="Let the files replace values of existing vertices; for a graph that is not empty and has no other writers.",
)
@click.option(
    "--parallelism",
    type=click.Choice(["LOW", "MEDIUM", "HIGH", "OVERSUBSCRIBE"]),
    default="MEDIUM",
    show_default=True,
    help="How much of the cluster the load takes.",
)
@click.option(
    "--load-id",
    metavar="ID",
    help="Watch this load instead of starting one.",
)
@click.option(
    "--every-s",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    help="Seconds between two checks of the progress.",
)
@json_option("Print the outcome as JSON on stdout.")
@with_settings("graph")
def load(
    settings: Settings,
    source: str | None,
    role: str | None,
    bucket_region: str | None,
    parallelism: str,
    load_id: str | None,
    every_s: float,
    *,
    update: bool,
    as_json: bool,
) -> None:
    """Load an export from S3 into Neptune, and watch until it is done.

    The loader is many times as fast as writing, and all of its files are loaded or the command fails with what is wrong
    in them. Interrupting the command leaves the load running; --load-id watches it again.
    """
    from consumer.graph.gremlin.endpoint import Address  # noqa: PLC0415
    from consumer.graph.neptune_loader import BulkLoader, LoadRequest  # noqa: PLC0415 -- its driver only where it is needed

    if settings.graph.startswith("sqlite:"):
        raise UsageError(
            f"{settings.graph} has no loader; give Neptune's URL with --graph neptune://HOST:8182?region=REGION"
        )
    address = Address.parse(settings.graph)
    loader = BulkLoader(address)
    if load_id is None:
        region = bucket_region or address.region
        load_id = loader.start(LoadRequest(*_checked(source, role, region), update=update, parallelism=parallelism))
        click.echo(f"load {load_id} of {source} was requested", err=True)
    progress = loader.watch(load_id, every_s, TIMEOUT_S, lambda found: click.echo(str(found), err=True))
    if as_json:
        click.echo(orjson.dumps(asdict(progress)))
    if not progress.ok:
        for line in (*progress.log, f"{counted(progress.errors, 'record')} could not be loaded", progress.hint):
            click.echo(line, err=True)
        click.get_current_context().exit(ExitCode.FAILED)


def _checked(source: str | None, role: str | None, region: str | None) -> tuple[str, str, str]:
    if not source or not source.startswith(S3):
        raise UsageError("--source says where the files are: s3://bucket/folder/")
    if not role or not _ROLE.fullmatch(role):
        raise UsageError("--role names the role that Neptune reads S3 with: arn:aws:iam::123456789012:role/NAME")
    if not region:
        raise UsageError("the graph's URL names no region; give that of the bucket with --bucket-region")
    return source, role, region
