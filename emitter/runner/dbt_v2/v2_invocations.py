"""The invocations of dbt v2 below one program, as events: by their telemetry, else by the artifacts that they left."""

import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from emitter.dbt.artifact_file import read_settled
from emitter.dbt.artifact_times import of_nanoseconds
from emitter.dbt.node_events import Event
from emitter.errors import ArtifactError
from emitter.runner.dbt_v2 import artifact_messages, env_file
from emitter.runner.dbt_v2.late_manifest import Document, LateManifest
from emitter.runner.dbt_v2.telemetry_messages import Telemetry
from emitter.runner.event_log import Message
from emitter.runner.invocation import Story, tells_a_story
from emitter.runner.project_folder import ProjectFolder

log = logging.getLogger("emitter.runner")

MANIFEST, RESULTS = "manifest.json", "run_results.json"
_UNREAD = ("macros", "docs", "disabled", "selectors")
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
"""Words of commands that no lineage is expected of, so that nobody needs to hear that there is none."""


class Invocations:
    """Takes what dbt v2 writes into its file of telemetry.

    Args:
        handover: The message with which dbt was started.
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
        """The user's own file of telemetry and its size before dbt; None if there is none, so that ours is used."""
        if not self._own:
            return None
        path, size = self._own
        return Path(path), size

    def take(self, record: Message) -> Iterator[Event]:
        """The events that follow from a record of telemetry."""
        trace = str(record.get("trace_id"))
        if trace not in self._open:
            if self._own and self._open:
                # Others may write into the user's file at the same time; the first one is that which was started here.
                return
            self._open[trace] = _Invocation(self._folder, self._environ)
        yield from self._open[trace].take(record)

    def end(self) -> Iterator[Event]:
        """What is left when dbt has ended."""
        for invocation in self._open.values():
            yield from invocation.end()
        if not self._open:
            yield from self._left()

    def _left(self) -> Iterator[Event]:
        """The events of a run without telemetry, as with `--log-level-file none`."""
        target = self._folder.target()
        try:
            results, manifest = _read(target / RESULTS), _read(target / MANIFEST)
            is_ours = artifact_messages.is_since(results, self._began) and (
                self._handover["is_v2"] or artifact_messages.is_of_v2(results)
            )
            if is_ours and _invocation_of(results) == _invocation_of(manifest):
                log.info("dbt has written no telemetry: lineage is that of the artifacts in %s", target)
                story: Story | None = None
                for message in artifact_messages.messages(manifest, results, self._folder.told()):
                    if message["name"] == "MainReportVersion":
                        message["flags"] |= self._folder.flags()
                        story = Story(message, self._environ) if tells_a_story(message) else None
                    elif story is not None:
                        yield from story.take(message)
                return
        except (ArtifactError, OSError) as error:
            log.debug("no artifacts of this run: %s", error)
        if not _SILENT.intersection(self._handover["arguments"]):
            log.warning(
                "no lineage is sent, %s has written neither telemetry nor artifacts of this run as dbt v2 does: "
                "set HEADWATER_DBT to dbt itself, or run `headwater backfill` on its target folder afterwards",
                self._handover["program"],
            )


class _Invocation:
    """One invocation: its records, and the events of them."""

    def __init__(self, folder: ProjectFolder, environ: Mapping[str, str]) -> None:
        self._folder, self._environ = folder, environ
        self._telemetry = Telemetry()
        self._id = ""
        self._late: LateManifest | None = None

    def take(self, record: Message) -> Iterator[Event]:
        for message in self._telemetry.take(record):
            if message["name"] == "MainReportVersion":
                yield from self._begin(message)
            elif self._late is not None and (resolved := self._resolved(message)) is not None:
                yield from self._late.take(resolved)

    def end(self) -> Iterator[Event]:
        if self._late is not None:
            yield from self._late.end()

    def _begin(self, message: Message) -> Iterator[Event]:
        self._id = message["invocation_id"]
        message["flags"] |= self._folder.flags()
        if not tells_a_story(message):
            return
        project = self._folder.told()
        story = Story(message, self._environ)
        self._late = LateManifest(story, project, self._earlier(), self._find)
        yield from self._late.begin(project)

    def _earlier(self) -> Document | None:
        try:
            return _slim(_read(self._folder.target() / MANIFEST))
        except (ArtifactError, OSError) as error:
            log.debug("there is no earlier manifest: %s", error)
            return None

    def _find(self, told: str | None) -> Document | None:
        """The manifest of this invocation, where dbt says that it has written it, else in the target folder."""
        for path in self._places(told, MANIFEST):
            try:
                document = _read(path)
            except (ArtifactError, OSError) as error:
                log.debug("no manifest there: %s", error)
                continue
            if _invocation_of(document) == self._id:
                return _slim(document)
        return None

    def _places(self, told: str | None, name: str) -> list[Path]:
        named = [self._folder.path / told, Path(told)] if told else []
        return list(dict.fromkeys([*named, self._folder.target() / name]))

    def _resolved(self, message: Message) -> Message | None:
        """The message with the path of a catalog as it is from here; None if there is no such file."""
        if message["name"] != "ArtifactWritten" or message["data"]["artifact_type"] != "CatalogArtifact":
            return message
        places = self._places(message["data"]["artifact_path"], "catalog.json")
        found = next((path for path in places if path.is_file()), None)
        if found is None:
            return None
        return {**message, "data": {**message["data"], "artifact_path": os.fspath(found)}}


def _read(path: Path) -> Document:
    document = read_settled(path)
    if not isinstance(document.get("metadata"), dict):
        raise ArtifactError(f"{path} is no artifact of dbt: it has no metadata")
    return document


def _slim(document: Document) -> Document:
    """Without what lineage has no use for, and what makes most of a manifest of dbt v2."""
    for key in _UNREAD:
        document.pop(key, None)
    return document


def _invocation_of(document: Mapping[str, Any]) -> str:
    return str((document.get("metadata") or {}).get("invocation_id") or "")
