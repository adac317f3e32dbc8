"""Events of one invocation of dbt, from its messages: dbt's own run, and the runs of its nodes."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from emitter.dbt import node_facets as facets
from emitter.dbt.artifact_file import read_when_stable
from emitter.dbt.manifest import Manifest, kind_of
from emitter.dbt.manifest_file import read_manifest
from emitter.dbt.namespaces import DatasetLocation, default_location, location_of
from emitter.dbt.node_events import SPEC, Event, EventBuilder, Invocation, run_event, with_pointers
from emitter.dbt.node_facets import PRODUCER
from emitter.dbt.node_names import missing
from emitter.dbt.outcomes.run_results import RUNS
from emitter.errors import ArtifactError
from emitter.runner import parent_run
from emitter.runner.commands import COMMANDS
from emitter.runner.event_log import Message
from emitter.runner.glue_account import GlueAccount
from emitter.runner.live_refining import LiveRefiner
from emitter.runner.node_runs import CLONE, STORED, NodeRuns
from emitter.runner.unknown_columns import UnknownColumns
from schemas.counted import counted

log = logging.getLogger("emitter.runner")

_COMPILE_ONLY = "generate"
_JOB_NAMESPACE = "dbt"
_WITH_RUNS = STORED | {"source", "test", "unit_test"}


def has_lineage(message: Message) -> bool:
    """True if the command that begins with this `MainReportVersion` has lineage."""
    return message.get("flags", {}).get("which") in COMMANDS


class InvocationEvents:
    """Events of an invocation of dbt, made from its messages in the order of their arrival.

    Args:
        message: The first message, `MainReportVersion`.
        environ: The environment variables, of which OpenLineage's integrations read some.
        now: Returns the time, RFC 3339.
    """

    def __init__(self, message: Message, environ: Mapping[str, str], now: Callable[[], str] | None = None) -> None:
        self._flags: Mapping[str, Any] = message["flags"]
        self._id, self._started_at = message["invocation_id"], message["ts"]
        self._version = str(message["data"].get("version", "")).lstrip("=")
        self._environ, self._now = environ, now or _now
        self._command = str(self._flags["which"])
        self._project: Message = {}
        self._dbt_run: parent_run.Fields | None = None
        self._parent = parent_run.outer(environ)
        self._runs: NodeRuns | None = None
        self._maker: EventBuilder | None = None
        self._refining: LiveRefiner | None = None
        self._error: str | None = None
        self._has_completed = self._interrupted = False
        self._location: DatasetLocation | None = None
        self._glue: GlueAccount | None = None
        self._manifest_error: str | None = None
        self._unreported: set[str] = set()
        self._unknown = UnknownColumns()

    def take(self, message: Message) -> Iterator[Event]:
        """Yields the events of a message.

        Raises:
            ArtifactError: The catalog is not valid.
            OSError: The catalog can't be read.
        """
        name, runs = message["name"], self._runs
        if name == "Project":
            yield from self._begin(message)
        elif name == "Manifest":
            self.load_manifest(message["manifest"])
        elif name == "ArtifactWritten":
            yield from self._on_artifact(message)
        elif name == "MainEncounteredError":
            self._error = message["data"].get("exc") or self._error
        elif name == "MainStackTrace":
            self._interrupted = message["data"].get("stack_trace", "").rstrip().endswith("KeyboardInterrupt")
        elif name == "CommandCompleted":
            yield from self._finish(message)
        elif self._command != _COMPILE_ONLY:
            yield from self._enrich(self._of_node(runs, message))

    def end(self) -> Iterator[Event]:
        """Yields the remaining events when dbt has ended, and logs missing lineage; a killed dbt sent no end."""
        if self._unreported:
            reason = self._manifest_error or "no manifest of dbt's could be used"
            log.warning("%s (%s)", missing(sorted(self._unreported)), reason)
        if not self._has_completed and self._dbt_run is not None:
            yield from self._close("ABORT", self._now())
        if unknown := self._unknown.report():
            log.info("%s", unknown)
        if self._refining is not None:
            self._refining.report()

    def _of_node(self, runs: NodeRuns | None, message: Message) -> Iterator[Event]:
        if runs is None:
            if message["name"] == "NodeFinished":
                self._note_missing(message["data"]["node_info"])
        elif message["name"] == "NodeStart":
            runs.start(message)
        elif message["name"] == "NodeExecuting":
            yield from runs.executing(message)
        elif message["name"] == "NodeFinished":
            yield from runs.finished(message)
        elif message["name"] == "LogHookEndLine":
            runs.hook_ended(message)

    def _note_missing(self, node: Message) -> None:
        """Keeps the name of a node whose run can't be reported."""
        if kind_of(node["unique_id"]) in _WITH_RUNS and node.get("node_status") != "skipped":
            self._unreported.add(node["unique_id"])

    def _begin(self, message: Message) -> Iterator[Event]:
        self._project = message
        # As dbt-ol does: dbt's run is in its orchestrator's namespace, the nodes' runs are in OPENLINEAGE_NAMESPACE.
        namespace = self._parent["job"]["namespace"] if self._parent else self._job_namespace
        self._dbt_run = parent_run.run_of(namespace, self._job_name(), self._invocation().run_id)
        yield self._of_dbt("START", self._started_at)
        self._glue = GlueAccount.asked_by(message["profile"])

    def _on_artifact(self, message: Message) -> Iterator[Event]:
        kind, path = message["data"].get("artifact_type"), message["data"].get("artifact_path")
        # dbt's path includes the project's folder, and is relative to the working directory of both processes.
        if kind == "WritableManifest" and self._maker is None:
            self._load_manifest_at(Path(path))
        elif kind == "CatalogArtifact" and self._maker is not None:
            yield from self._dataset_events(read_when_stable(Path(path)))

    def _load_manifest_at(self, path: Path) -> None:
        try:
            self.load_manifest(read_manifest(path))
        except (ArtifactError, OSError) as error:
            self._manifest_error = f"dbt's manifest can't be used: {type(error).__name__}: {error}"
            log.warning("no lineage of any node: %s", self._manifest_error)

    def load_manifest(self, document: dict[str, Any]) -> None:
        """Loads the manifest; a later one replaces it for later messages, as dbt v2 writes its manifest last."""
        self._manifest = Manifest(document)
        catalog = self._catalog()
        # An older catalog describes the previous tables of this run's models.
        sources = {key: catalog.get(key) for key in ("metadata", "sources")} if catalog else None
        self._maker = EventBuilder(self._manifest, self._place(), self._invocation(), sources)
        if self._runs is None:
            self._runs = NodeRuns(self._manifest, self._maker, self._id, self._command)
        else:
            self._runs.adopt(self._manifest, self._maker)
        # A clone has the model's name, but does not run its SQL.
        if self._command != CLONE:
            if self._refining is not None:
                self._refining.save()
            # Its cache and those of the next one need not be in memory together.
            self._refining = None
            self._refining = LiveRefiner(document, catalog, self.target, self._environ)

    def start_early(self, document: dict[str, Any], message: Message) -> Iterator[Event]:
        """Yields the START of a node that no manifest contains yet, from a manifest of that node alone.

        Its inputs are uncertain, and are reported with its end.
        """
        if self._runs is None or self._command == _COMPILE_ONLY:
            return
        manifest = Manifest(document)
        maker = EventBuilder(manifest, self._place(), self._invocation())
        for event in NodeRuns(manifest, maker, self._id, self._command).executing(message):
            self._runs.begun(message["data"]["node_info"]["unique_id"], event)
            yield self._placed(event)

    def repeat_end(self, message: Message, time: str) -> Iterator[Event]:
        """Yields the end of a node once more, from the manifest that was loaded since."""
        if self._runs is not None:
            yield from self._enrich(self._runs.repeat_end(message, time))

    def _catalog(self) -> dict[str, Any] | None:
        path = self.target / "catalog.json"
        if not path.is_file():
            return None
        try:
            return read_when_stable(path)
        except (ArtifactError, OSError) as error:
            log.warning("column lineage without the catalog: %s", error)
            return None

    def _dataset_events(self, catalog: dict[str, Any]) -> Iterator[Event]:
        """Yields the columns of each table that `dbt docs generate` has read from the engine."""
        maker = EventBuilder(self._manifest, self._place(), self._invocation(), catalog)
        for unique_id in sorted({**catalog.get("nodes", {}), **catalog.get("sources", {})}):
            if self._manifest.node(unique_id) is not None:
                yield {
                    "eventTime": self._now(),
                    "dataset": maker.dataset(unique_id),
                    "producer": PRODUCER,
                    "schemaURL": f"{SPEC}DatasetEvent",
                }

    def _finish(self, message: Message) -> Iterator[Event]:
        self._has_completed = True
        self._interrupted |= bool(message["data"].get("interrupted"))
        if self._dbt_run is None:
            return
        success = bool(message["data"].get("success"))
        if not success:
            self._error = self._error or message.get("msg")
        state = "COMPLETE" if success else "ABORT" if self._interrupted else "FAIL"
        yield from self._close(state, message["data"].get("completed_at") or message["ts"])

    def _close(self, state: str, time: str) -> Iterator[Event]:
        if self._runs is not None:
            yield from self._enrich(self._runs.end(time))
            for status, count in self._runs.unknown.items():
                log.warning("unknown status %r of %s, so no end is sent there", status, counted(count, "node"))
        if self._refining is not None:
            self._refining.save()
        more: facets.Facets = {}
        if state != "COMPLETE" and self._error:
            more = facets.facet("errorMessage", message=self._error, programmingLanguage="sql")
        ended = self._of_dbt(state, time, more)
        if self._refining is not None and self._command in RUNS:
            yield from self._refining.hooks(ended, self._started_at)
        yield ended

    def _of_dbt(self, state: str, time: str, more: facets.Facets | None = None) -> Event:
        dbt_run = self._dbt_run or {}
        own = facets.facet("parent", **self._parent) if self._parent else {}
        run = {"runId": dbt_run["run"]["runId"], "facets": self._engine() | own | (more or {})}
        return run_event(state, time, run, {**dbt_run["job"], "facets": facets.job_type("JOB")})

    def _enrich(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yields events of nodes with their parent run, refined, each before those of its hooks."""
        for event in map(self._placed, events):
            if self._refining is None:
                yield event
                continue
            refined = self._refining(event)
            if self._refining.traces_columns:
                self._unknown.take(refined)
            yield with_pointers(refined)
            yield from self._refining.hooks(refined)

    def _placed(self, event: Event) -> Event:
        return {**event, "run": {**event["run"], "facets": event["run"]["facets"] | self._of_node_runs}}

    @cached_property
    def _of_node_runs(self) -> facets.Facets:
        """The facets that the runs of all nodes share."""
        parent = parent_run.part_of(self._dbt_run or {}, self._parent["root"] if self._parent else None)
        return self._engine() | facets.facet("parent", **parent)

    def _engine(self) -> facets.Facets:
        return {
            **facets.facet(
                "dbt_run",
                invocation_id=self._id,
                project_name=self._project.get("project_name"),
                project_version=self._project.get("project_version"),
                profile_name=self._project.get("profile_name"),
                dbt_runtime="core",
                full_refresh=self._flags.get("full_refresh"),
            ),
            **facets.facet("dbt_version", version=self._version),
            **facets.facet("processing_engine", name="dbt", version=self._version),
        }

    def _invocation(self) -> Invocation:
        return Invocation(self._id, self._command, (self._job_namespace, self._job_name()))

    def _place(self) -> DatasetLocation:
        if self._location is None:
            self._location = self._locate()
        return self._location

    def _locate(self) -> DatasetLocation:
        profile, reason = self._project["profile"], self._project.get("reason")
        try:
            place = location_of(profile)
        except ArtifactError as error:
            log.warning("%s; the datasets' namespace is derived from the project's name", reason or error)
            adapter = str(profile.get("type") or self._manifest.adapter)
            return default_location(adapter, self._project["project_name"])
        return self._glue.located(place) if self._glue else place

    @property
    def _job_namespace(self) -> str:
        return self._environ.get("OPENLINEAGE_NAMESPACE") or _JOB_NAMESPACE

    def _job_name(self) -> str:
        """Returns dbt-ol's name of dbt's own run, with its two environment variables."""
        if given := self._environ.get("OPENLINEAGE_DBT_JOB_NAME"):
            return given
        name = f"dbt-run-{self._project['project_name']}"
        if self._environ.get("OPENLINEAGE_DBT_USE_EXTENDED_JOB_NAME", "").lower() not in ("true", "1"):
            return name
        selector = self._flags.get("selector")
        chosen = self._flags.get("select") or ([selector] if selector else [])
        return "-".join([name, self._project["profile_name"], *(re.sub(r"[^\w-]", "_", word) for word in chosen)])

    @property
    def target(self) -> Path:
        """Dbt's target folder."""
        target = self._flags.get("target_path") or self._project.get("target_path") or "target"
        return Path(self._flags.get("project_dir") or ".") / target


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
