"""One run of dbt, from its first word to its last, as events: dbt's own run around those of its nodes."""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from emitter.dbt import node_facets as facets
from emitter.dbt.artifact_file import read_settled
from emitter.dbt.manifest import Manifest, kind_of
from emitter.dbt.namespaces import Place, default_place, place_of
from emitter.dbt.node_events import SPEC, Event, EventMaker, Invocation, run_event, with_pointers
from emitter.dbt.node_facets import PRODUCER
from emitter.dbt.node_names import missing
from emitter.errors import ArtifactError
from emitter.runner import parent_run
from emitter.runner.commands import COMMANDS
from emitter.runner.event_log import Message
from emitter.runner.glue_account import GlueAccount
from emitter.runner.live_refining import Refining
from emitter.runner.node_runs import CLONE, STORED, NodeRuns
from emitter.runner.unknown_columns import UnknownColumns

log = logging.getLogger("emitter.runner")

_COMPILE_ONLY = "generate"
_JOB_NAMESPACE = "dbt"
_WITH_RUNS = STORED | {"source", "test", "unit_test"}


def tells_a_story(message: Message) -> bool:
    """Whether the command that begins with this `MainReportVersion` has lineage."""
    return message.get("flags", {}).get("which") in COMMANDS


class Story:
    """Makes events of dbt's messages, in the order in which they come.

    Args:
        message: The first one, `MainReportVersion`.
        environ: The environment variables, for what OpenLineage's integrations read there.
        now: The time, RFC 3339.
    """

    def __init__(self, message: Message, environ: Mapping[str, str], now: Callable[[], str] | None = None) -> None:
        self._flags: Mapping[str, Any] = message["flags"]
        self._id, self._started_at = message["invocation_id"], message["ts"]
        self._version = str(message["data"].get("version", "")).lstrip("=")
        self._environ, self._now = environ, now or _now
        self._command = str(self._flags["which"])
        self._project: Message = {}
        self._whole: parent_run.Fields | None = None
        self._parent = parent_run.outer(environ)
        self._runs: NodeRuns | None = None
        self._maker: EventMaker | None = None
        self._refining: Refining | None = None
        self._error: str | None = None
        self._over = self._interrupted = False
        self._located: Place | None = None
        self._glue: GlueAccount | None = None
        self._unread: str | None = None
        self._untold: set[str] = set()
        self._unknown = UnknownColumns()

    def take(self, message: Message) -> Iterator[Event]:
        """The events that follow from a message.

        Raises:
            ArtifactError: The catalog can't be used.
            OSError: It can't be read.
        """
        if message.get("lost"):
            log.warning("%d of dbt's messages could not be kept, so lineage is missing", message["lost"])
        name, runs = message["name"], self._runs
        if name == "Project":
            yield from self._begin(message)
        elif name == "Manifest":
            self.meet(message["manifest"])
        elif name == "ArtifactWritten":
            yield from self._written(message)
        elif name == "MainEncounteredError":
            self._error = message["data"].get("exc") or self._error
        elif name == "MainStackTrace":
            self._interrupted = message["data"].get("stack_trace", "").rstrip().endswith("KeyboardInterrupt")
        elif name == "CommandCompleted":
            yield from self._finish(message)
        elif self._command != _COMPILE_ONLY:
            yield from map(self._mend, self._of_node(runs, message))

    def end(self) -> Iterator[Event]:
        """What is left to say when dbt has ended without saying so: it was killed. Tells what could not be said."""
        if self._untold:
            reason = self._unread or "no manifest of dbt's could be used"
            log.warning("%s (%s)", missing(sorted(self._untold)), reason)
        if not self._over and self._whole is not None:
            yield from self._close("ABORT", self._now())
        if unknown := self._unknown.report():
            log.info("%s", unknown)
        if self._refining is not None:
            self._refining.report()

    def _of_node(self, runs: NodeRuns | None, message: Message) -> Iterator[Event]:
        if runs is None:
            if message["name"] == "NodeFinished":
                self._miss(message["data"]["node_info"])
        elif message["name"] == "NodeStart":
            runs.start(message)
        elif message["name"] == "NodeExecuting":
            yield from runs.executing(message)
        elif message["name"] == "NodeFinished":
            yield from runs.finished(message)

    def _miss(self, node: Message) -> None:
        """Counts a node that would have had a run."""
        if kind_of(node["unique_id"]) in _WITH_RUNS and node.get("node_status") != "skipped":
            self._untold.add(node["unique_id"])

    def _begin(self, message: Message) -> Iterator[Event]:
        self._project = message
        # As dbt-ol does: dbt's run is of its orchestrator's namespace, the nodes' are of OPENLINEAGE_NAMESPACE.
        namespace = self._parent["job"]["namespace"] if self._parent else self._job_namespace
        self._whole = parent_run.run_of(namespace, self._job_name(), self._invocation().run_id)
        yield self._of_dbt("START", self._started_at)
        self._glue = GlueAccount.asked_by(message["profile"])

    def _written(self, message: Message) -> Iterator[Event]:
        kind, path = message["data"].get("artifact_type"), message["data"].get("artifact_path")
        # dbt has put the project's folder in front; the path begins where dbt, and so this process, was started.
        if kind == "WritableManifest" and self._maker is None:
            self._meet_at(Path(path))
        elif kind == "CatalogArtifact" and self._maker is not None:
            yield from self._described(read_settled(Path(path)))

    def _meet_at(self, path: Path) -> None:
        try:
            self.meet(read_settled(path))
        except (ArtifactError, OSError) as error:
            self._unread = f"dbt's manifest can't be used: {type(error).__name__}: {error}"
            log.warning("no lineage of any node can be told, %s", self._unread)

    def meet(self, document: dict[str, Any]) -> None:
        """Takes the manifest; another one later takes its place for what comes then, as dbt v2 writes its own last."""
        self._manifest = Manifest(document)
        catalog = self._catalog()
        # What an older catalog says of tables that this run makes is of the past.
        sources = {key: catalog.get(key) for key in ("metadata", "sources")} if catalog else None
        self._maker = EventMaker(self._manifest, self._place(), self._invocation(), sources)
        if self._runs is None:
            self._runs = NodeRuns(self._manifest, self._maker, self._id, self._command)
        else:
            self._runs.adopt(self._manifest, self._maker)
        # A clone has the model's name, but not its SQL.
        if self._command != CLONE:
            if self._refining is not None:
                self._refining.save()
            self._refining = Refining(document, catalog, self._target, self._environ)

    def announce(self, document: dict[str, Any], message: Message) -> Iterator[Event]:
        """The START of a node that no manifest has yet, by a manifest with that node alone.

        What it reads is not known for sure, and is told with its end.
        """
        if self._runs is None or self._command == _COMPILE_ONLY:
            return
        manifest = Manifest(document)
        maker = EventMaker(manifest, self._place(), self._invocation())
        for event in NodeRuns(manifest, maker, self._id, self._command).executing(message):
            self._runs.begun(message["data"]["node_info"]["unique_id"], event)
            yield self._placed(event)

    def again(self, message: Message, time: str) -> Iterator[Event]:
        """The end of a node that has been told, by the manifest that was met since."""
        if self._runs is not None:
            yield self._mend(self._runs.again(message, time))

    def _catalog(self) -> dict[str, Any] | None:
        path = self._target / "catalog.json"
        if not path.is_file():
            return None
        try:
            return read_settled(path)
        except (ArtifactError, OSError) as error:
            log.warning("lineage of columns goes without the catalog: %s", error)
            return None

    def _described(self, catalog: dict[str, Any]) -> Iterator[Event]:
        """The columns of each table that `dbt docs generate` has asked the engine for."""
        maker = EventMaker(self._manifest, self._place(), self._invocation(), catalog)
        for unique_id in sorted({**catalog.get("nodes", {}), **catalog.get("sources", {})}):
            if self._manifest.node(unique_id) is not None:
                yield {
                    "eventTime": self._now(),
                    "dataset": maker.dataset(unique_id),
                    "producer": PRODUCER,
                    "schemaURL": f"{SPEC}DatasetEvent",
                }

    def _finish(self, message: Message) -> Iterator[Event]:
        self._over = True
        self._interrupted |= bool(message["data"].get("interrupted"))
        if self._whole is None:
            return
        success = bool(message["data"].get("success"))
        if not success:
            self._error = self._error or message.get("msg")
        state = "COMPLETE" if success else "ABORT" if self._interrupted else "FAIL"
        yield from self._close(state, message["data"].get("completed_at") or message["ts"])

    def _close(self, state: str, time: str) -> Iterator[Event]:
        if self._runs is not None:
            yield from map(self._mend, self._runs.end(time))
            for status, count in self._runs.unknown.items():
                log.warning("the status %r of %d nodes is not known, so their runs have no end", status, count)
        if self._refining is not None:
            self._refining.save()
        more: facets.Facets = {}
        if state != "COMPLETE" and self._error:
            more = facets.facet("errorMessage", message=self._error, programmingLanguage="sql")
        yield self._of_dbt(state, time, more)

    def _of_dbt(self, state: str, time: str, more: facets.Facets | None = None) -> Event:
        whole = self._whole or {}
        own = facets.facet("parent", **self._parent) if self._parent else {}
        run = {"runId": whole["run"]["runId"], "facets": self._engine() | own | (more or {})}
        return run_event(state, time, run, {**whole["job"], "facets": facets.job_type("JOB")})

    def _mend(self, event: Event) -> Event:
        """Adds what only this run knows: where it stands among runs, and what refinement finds."""
        event = self._placed(event)
        if self._refining is None:
            return event
        refined = self._refining(event)
        if self._refining.traces_columns:
            self._unknown.take(refined)
        return with_pointers(refined)

    def _placed(self, event: Event) -> Event:
        whole = self._whole or {}
        parent = parent_run.part_of(whole, self._parent["root"] if self._parent else None)
        run = {**event["run"], "facets": event["run"]["facets"] | self._engine() | facets.facet("parent", **parent)}
        return {**event, "run": run}

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

    def _place(self) -> Place:
        if self._located is None:
            self._located = self._locate()
        return self._located

    def _locate(self) -> Place:
        profile, reason = self._project["profile"], self._project.get("reason")
        try:
            place = place_of(profile)
        except ArtifactError as error:
            log.warning("%s; its datasets' namespace is made of the project's name", reason or error)
            adapter = str(profile.get("type") or self._manifest.adapter)
            return default_place(adapter, self._project["project_name"])
        return self._glue.located(place) if self._glue else place

    @property
    def _job_namespace(self) -> str:
        return self._environ.get("OPENLINEAGE_NAMESPACE") or _JOB_NAMESPACE

    def _job_name(self) -> str:
        """The name that dbt-ol gives dbt's own run, with its two environment variables."""
        if given := self._environ.get("OPENLINEAGE_DBT_JOB_NAME"):
            return given
        name = f"dbt-run-{self._project['project_name']}"
        if self._environ.get("OPENLINEAGE_DBT_USE_EXTENDED_JOB_NAME", "").lower() not in ("true", "1"):
            return name
        selector = self._flags.get("selector")
        chosen = self._flags.get("select") or ([selector] if selector else [])
        return "-".join([name, self._project["profile_name"], *(re.sub(r"[^\w-]", "_", word) for word in chosen)])

    @property
    def _target(self) -> Path:
        target = self._flags.get("target_path") or self._project.get("target_path") or "target"
        return Path(self._flags.get("project_dir") or ".") / target


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
