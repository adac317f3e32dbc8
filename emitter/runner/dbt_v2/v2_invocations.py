"""The invocations of dbt v2 within one program, as events: from their telemetry, else from their artifacts."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from emitter.dbt.artifact_file import read_when_stable
from emitter.dbt.artifact_times import of_nanoseconds
from emitter.dbt.manifest_file import read_manifest
from emitter.dbt.node_events import Event
from emitter.dbt.outcomes.run_results import RunResults
from emitter.errors import ArtifactError
from emitter.runner.artifacts import artifact_messages
from emitter.runner.dbt_v2 import env_file
from emitter.runner.dbt_v2.late_manifest import Document, LateManifest
from emitter.runner.dbt_v2.telemetry_messages import Telemetry
from emitter.runner.event_log import Message
from emitter.runner.invocation_events import InvocationEvents, has_lineage
from emitter.runner.project_folder import ProjectFolder

log = logging.getLogger("emitter.runner")

MANIFEST, RESULTS = "manifest.json", "run_results.json"
_SILENT = frozenset(
    {
        "--version",
        "-V",
        "--help",
        "-h",
        "help",
        "man",
        "deps",
        "debug",
        "init",
        "clean",
        "list",
        "ls",
        "login",
        "system",
    }
)
"""Arguments of commands without lineage, for which no warning about missing lineage is logged."""


class Invocations:
    """Makes events of dbt v2's telemetry.

    Args:
        handover: The message with which the shim started dbt.
        environ: The environment variables.
        here: The folder in which dbt was started.
    """

    def __init__(self, handover: Message, environ: Mapping[str, str], here: Path) -> None:
        self._handover, self._environ = handover, environ
        self._began = of_nanoseconds(handover["began"])
        # The entry point of the package from PyPI does not read `.env`.
        seen = environ if handover["is_v2"] else env_file.beneath(environ, here)
        self._folder = ProjectFolder(handover["arguments"], seen, here)
        self._open: dict[str, _Invocation] = {}
        self._own = handover.get("telemetry")

    @property
    def telemetry(self) -> tuple[Path, int] | None:
        """The user's own file of telemetry and its size before dbt; None if the event log holds the telemetry."""
        if not self._own:
            return None
        path, size = self._own
        return Path(path), size

    def take(self, record: Message) -> Iterator[Event]:
        """Yields the events of a record of telemetry."""
        trace = str(record.get("trace_id"))
        if trace not in self._open:
            if self._own and self._open:
                # Other invocations may write to the user's file at the same time; the first is the one started here.
                return
            self._open[trace] = _Invocation(self._folder, self._environ)
        yield from self._open[trace].take(record)

    def end(self) -> Iterator[Event]:
        """Yields the remaining events when dbt has ended."""
        for invocation in self._open.values():
            yield from invocation.end()
        if not any(invocation.has_begun for invocation in self._open.values()):
            yield from self._left()

    def _left(self) -> Iterator[Event]:
        """Yields the events of a run without telemetry, as with `--log-level-file none`."""
        target = self._folder.target()
        try:
            results, manifest = _read(target / RESULTS), _read(target / MANIFEST)
            is_ours = artifact_messages.is_since(results, self._began) and (
                self._handover["is_v2"] or artifact_messages.is_of_v2(results)
            )
            if is_ours and _invocation_of(results) == _invocation_of(manifest):
                log.info("dbt wrote no telemetry: lineage is from the artifacts in %s", target)
                invocation: InvocationEvents | None = None
                for message in artifact_messages.messages(manifest, results, self._folder.project_message()):
                    if message["name"] == "MainReportVersion":
                        message["flags"] |= self._folder.flags()
                        invocation = InvocationEvents(message, self._environ) if has_lineage(message) else None
                    elif invocation is not None:
                        yield from invocation.take(message)
                return
        except (ArtifactError, OSError) as error:
            log.debug("no artifacts of this run: %s", error)
        if not _SILENT.intersection(self._handover["arguments"]):
            log.warning(
                "no lineage is sent, %s wrote neither telemetry nor artifacts of this run as dbt v2 does; "
                "set HEADWATER_DBT to dbt itself, or run `headwater backfill` on its target folder afterwards",
                self._handover["program"],
            )


class _Invocation:
    """One invocation: turns its records into events."""

    def __init__(self, folder: ProjectFolder, environ: Mapping[str, str]) -> None:
        self._folder, self._environ = folder, environ
        self._telemetry = Telemetry()
        self._id = ""
        self._late: LateManifest | None = None
        self._finished: set[str] = set()
        self._has_ended = False

    @property
    def has_begun(self) -> bool:
        """True if the telemetry has the start of the invocation."""
        return bool(self._id)

    def take(self, record: Message) -> Iterator[Event]:
        for message in self._telemetry.take(record):
            if message["name"] == "MainReportVersion":
                yield from self._begin(message)
            elif self._late is not None and (resolved := self._resolved(message)) is not None:
                self._note(message)
                yield from self._late.take(resolved)

    def end(self) -> Iterator[Event]:
        if self._late is None:
            return
        for message in () if self._has_ended else self._rest():
            yield from self._late.take(message)
        yield from self._late.end()

    def _note(self, message: Message) -> None:
        if message["name"] == "NodeFinished":
            self._finished.add(message["data"]["node_info"]["unique_id"])
        elif message["name"] == "CommandCompleted":
            self._has_ended = True

    def _rest(self) -> Iterator[Message]:
        """Yields the messages of the artifacts that telemetry does not have, which a full disk has cut short."""
        target = self._folder.target()
        try:
            results, manifest = _read(target / RESULTS), self._find(None)
            if manifest is None or _invocation_of(results) != self._id or RunResults(results).stamped:
                return
            told = list(artifact_messages.messages(manifest, results, {"name": "Project"}))
        except (ArtifactError, OSError):
            log.debug("no artifacts of this run", exc_info=True)
            return
        log.warning("telemetry cut short: artifacts used instead")
        data = {"artifact_type": "WritableManifest", "artifact_path": os.fspath(target / MANIFEST)}
        yield {"name": "ArtifactWritten", "msg": "", "ts": told[-1]["ts"], "data": data}
        for message in told:
            is_end = message["name"] == "NodeFinished"
            if message["name"] == "CommandCompleted" or (
                is_end and message["data"]["node_info"]["unique_id"] not in self._finished
            ):
                yield message

    def _begin(self, message: Message) -> Iterator[Event]:
        self._id = message["invocation_id"]
        message["flags"] |= self._folder.flags()
        if not has_lineage(message):
            return
        project = self._folder.project_message()
        invocation = InvocationEvents(message, self._environ)
        self._late = LateManifest(invocation, project, self._earlier(), self._find)
        yield from self._late.begin(project)

    def _earlier(self) -> Document | None:
        try:
            return _read(self._folder.target() / MANIFEST, read_manifest)
        except (ArtifactError, OSError) as error:
            log.debug("no earlier manifest: %s", error)
            return None

    def _find(self, reported: str | None) -> Document | None:
        """Returns the manifest of this invocation, from the path that dbt reports, else from the target folder."""
        for path in self._places(reported, MANIFEST):
            try:
                document = _read(path, read_manifest)
            except (ArtifactError, OSError) as error:
                log.debug("manifest not readable: %s", error)
                continue
            if _invocation_of(document) == self._id:
                return document
        return None

    def _places(self, reported: str | None, name: str) -> list[Path]:
        named = [self._folder.path / reported, Path(reported)] if reported else []
        return list(dict.fromkeys([*named, self._folder.target() / name]))

    def _resolved(self, message: Message) -> Message | None:
        """Returns the message with an existing path of the catalog; None if there is no such file."""
        if message["name"] != "ArtifactWritten" or message["data"]["artifact_type"] != "CatalogArtifact":
            return message
        places = self._places(message["data"]["artifact_path"], "catalog.json")
        found = next((path for path in places if path.is_file()), None)
        if found is None:
            return None
        return {**message, "data": {**message["data"], "artifact_path": os.fspath(found)}}


def _read(path: Path, read: Callable[[Path], Document] = read_when_stable) -> Document:
    document = read(path)
    if not isinstance(document.get("metadata"), dict):
        raise ArtifactError(f"{path} is not an artifact of dbt: it has no metadata")
    return document


def _invocation_of(document: Mapping[str, Any]) -> str:
    return str((document.get("metadata") or {}).get("invocation_id") or "")
