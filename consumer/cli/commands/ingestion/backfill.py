"""`headwater backfill`: from dbt's artifacts to the graph or the topic; the nightly batch path."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click
import orjson

from consumer import wiring
from consumer.backfill import artifact_sources
from consumer.backfill.artifact_sources import Project
from consumer.backfill.profile_namespaces import Profiles
from consumer.backfill.project_namespaces import NamespaceResolver
from consumer.cli.exit_codes import ExitCode
from consumer.cli.help_text import examples
from consumer.cli.interruption import repeatable
from consumer.cli.options import json_option, with_settings
from consumer.config.loader import Settings
from consumer.errors import NotFound
from consumer.ingest.document_writer import DocumentWriter, write_with_retry
from consumer.ingest.inputs import Input
from consumer.ingest.pipeline import Pipeline
from consumer.lineage import retirement
from consumer.lineage.facts.keys import JobName
from consumer.masking import masked
from consumer.query.job_names import all_jobs
from emitter.dbt import backfill as events_of
from schemas.counted import counted

if TYPE_CHECKING:
    from emitter.refine import Refiner


@click.command(
    name="backfill",
    epilog=examples(
        "headwater backfill target/manifest.json --namespace redshift://HOST:5439",
        "headwater backfill athena/ redshift/ --profiles ~/.dbt --config headwater.toml",
        "headwater backfill s3://bucket/dbt/ --namespace awsathena://athena.us-east-1.amazonaws.com"
        " --glue arn:aws:glue:us-east-1:123456789012",
        "headwater backfill target/ --to-topic --kafka-bootstrap-servers b-1.msk:9098 --kafka-auth iam",
    ),
)
@click.argument("manifests", metavar="MANIFEST...", nargs=-1, required=True)
@click.option(
    "--run-results",
    multiple=True,
    metavar="FILE",
    help="What became of the nodes; taken for the manifest that has them. May be repeated.",
)
@click.option(
    "--catalog",
    "catalogs",
    multiple=True,
    metavar="FILE",
    help="Columns and sizes; taken for the manifest that has the nodes. May be repeated.",
)
@click.option(
    "--namespace",
    "namespaces",
    multiple=True,
    metavar="[PROJECT=]NAMESPACE",
    help="OpenLineage namespace of the tables, for all projects of its engine or for one. May be repeated.",
)
@click.option(
    "--glue",
    multiple=True,
    metavar="[PROJECT=]ARN",
    help="Glue catalog of Athena's tables, arn:aws:glue:REGION:ACCOUNT. May be repeated.",
)
@click.option(
    "--profiles",
    type=click.Path(exists=True, path_type=Path),
    help="dbt's profiles.yml or its folder, to take namespaces from; --namespace takes precedence.",
)
@click.option(
    "--target",
    help="Target to take of each profile; its default if it is not given.",
)
@click.option(
    "--job-namespace",
    default=events_of.JOB_NAMESPACE,
    show_default=True,
    help="Namespace of the jobs; what OPENLINEAGE_NAMESPACE is for live runs.",
)
@click.option(
    "--columns/--no-columns",
    default=True,
    show_default=True,
    help="Find column lineage in compiled SQL.",
)
@click.option(
    "--allow-empty",
    is_flag=True,
    help="Where there is no manifest yet, say so and go on; for a batch that runs before the first upload.",
)
@click.option(
    "--to-topic",
    is_flag=True,
    help="Write the events to the Kafka topic rather than to the graph.",
)
@json_option("Print the summary as JSON on stdout.")
@with_settings("graph", "batch", "identity", "kafka")
@repeatable()
def backfill(
    settings: Settings,
    manifests: tuple[str, ...],
    run_results: tuple[str, ...],
    catalogs: tuple[str, ...],
    profiles: Path | None,
    *,
    allow_empty: bool,
    to_topic: bool,
    as_json: bool,
    **how: Any,
) -> None:
    """Fold the files that dbt leaves, such as manifest.json, into the graph or the topic.

    MANIFEST is a manifest of dbt 1.0 or newer, a folder with one or with projects in it, or s3://bucket/prefix of the
    same; run_results.json, catalog.json and compiled/ beside a manifest.json are taken too. A node whose result says
    that it ran has a run, with ids and times from the artifacts; any other node is declared. The same files again
    change nothing. A job in the graph whose node the project's manifest no longer has is retired as of the manifest; a
    later run brings it back.
    """
    began = time.monotonic()
    places = NamespaceResolver(how["namespaces"], how["glue"], Profiles(profiles, how["target"]) if profiles else None)
    found = artifact_sources.load(manifests, run_results, catalogs, on_missing=_tell if allow_empty else None)
    projects = _Projects(found, places, how["job_namespace"], columns=how["columns"])
    events, rejected = _to_topic(settings, projects) if to_topic else _to_graph(settings, projects)
    seconds = round(time.monotonic() - began, 3)
    where = f"sent to topic {settings.kafka.topic}" if to_topic else f"folded into {masked(settings.graph)}"
    what = f"{counted(events, 'event')} of {counted(projects.count, 'project')}"
    click.echo(f"{what} {where} in {seconds:.1f} s; {rejected:,} rejected", err=True)
    if as_json:
        click.echo(
            orjson.dumps({"events": events, "projects": projects.count, "rejected": rejected, "seconds": seconds})
        )
    if rejected:
        click.get_current_context().exit(ExitCode.FAILED)


def _tell(error: NotFound) -> None:
    click.echo(f"headwater: skipped: {error}", err=True)


class _Projects:
    """The projects in order, and their events; reports each project and counts its events."""

    def __init__(
        self, projects: Iterator[Project], places: NamespaceResolver, job_namespace: str, *, columns: bool
    ) -> None:
        self.count = 0
        self.known: Sequence[JobName] = ()
        self._projects = projects
        self._places = places
        self._job_namespace = job_namespace
        self._columns = columns

    def __iter__(self) -> Iterator[Project]:
        for project in self._projects:
            self.count += 1
            manifest = project.artifacts.manifest
            adapter = manifest.adapter or "an adapter that it does not name"
            origin = f"manifest version {manifest.version} of {manifest.generated_at}"
            click.echo(f"{project.name}: project {manifest.project} on {adapter}, {origin}", err=True)
            yield project

    def events(self, project: Project) -> Iterator[dict[str, Any]]:
        """Yields the events of one project."""
        place, words = self._places.resolve(project.artifacts.manifest)
        if words:
            click.echo(f"headwater: {words}", err=True)
        for note in events_of.notes(project.artifacts, columns=self._columns):
            click.echo(f"headwater: {project.name}: {note}", err=True)
        refiner = _refiner(project.artifacts, place) if self._columns else None
        yield from events_of.events(
            project.artifacts,
            place,
            job_namespace=self._job_namespace,
            refine=refiner.refine if refiner else None,
            hooks=refiner.hooks if refiner else None,
        )
        for sentence in refiner.report() if refiner else ():
            click.echo(f"headwater: {project.name}: {sentence}", err=True)
        yield from self._retirements(project)

    def _retirements(self, project: Project) -> Iterator[dict[str, Any]]:
        """Yields the events that retire known jobs of the project whose nodes its manifest no longer has."""
        manifest = project.artifacts.manifest
        gone = retirement.deleted_nodes(self.known, self._job_namespace, manifest.project, manifest.document["nodes"])
        for job in gone:
            click.echo(f"headwater: {project.name}: {job.name} is no longer in the manifest and is retired", err=True)
            yield retirement.of_job(job, manifest.generated_at, "no longer in the manifest")


def _to_graph(settings: Settings, projects: _Projects) -> tuple[int, int]:
    """Folds all events, by the way that files go; gives how many there were, and how many of them were rejected."""

    def stream(project: Project) -> AbstractContextManager[BinaryIO]:
        return nullcontext(io.BytesIO(b"\n".join(map(orjson.dumps, projects.events(project)))))

    with closing(wiring.open_graph(settings.graph)) as store:
        projects.known = all_jobs(store)
    sources = (Input(project.name, partial(stream, project)) for project in projects)
    with closing(wiring.graph_sink(settings)) as sink:
        writer = DocumentWriter(sink, settings.batch, lambda rejection: click.echo(str(rejection), err=True))
        tally = Pipeline(writer).run(sources)
    return tally.events, tally.rejected


def _to_topic(settings: Settings, projects: _Projects) -> tuple[int, int]:
    """Sends all events; the broker rejects none of them alone."""
    from consumer.kafka.producer import TopicProducer  # noqa: PLC0415 -- its driver only where it is needed

    count = 0
    with closing(TopicProducer(settings.kafka)) as producer:
        for project in projects:
            # All of a project have one key, and so stay in order.
            records = ((events_of.message_key(event), orjson.dumps(event), ()) for event in projects.events(project))
            while some := list(islice(records, settings.batch.max_records)):
                write_with_retry(partial(producer.write, settings.kafka.topic, some), settings.batch)
                count += len(some)
    return count, 0


def _refiner(found: events_of.Artifacts, place: events_of.DatasetLocation) -> Refiner:
    """Returns the refiner, which adds what the SQL states; without the SQL parser there is no column lineage."""
    from emitter.refine import RefineOptions, Refiner  # noqa: PLC0415 -- only where it is asked for

    region, account = place.glue.split(":")[3:5] if place.glue else (None, None)
    options = RefineOptions(account_id=account, region=region)
    return Refiner(found.manifest.document, found.catalog, options)
