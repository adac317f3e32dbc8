"""Messages that dbt-core could not write to the event log, made from its artifacts, as after a full disk."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emitter.dbt.artifact_file import read_when_stable
from emitter.dbt.manifest_file import read_manifest
from emitter.dbt.outcomes.run_results import RunResults
from emitter.errors import ArtifactError
from emitter.runner.artifacts import artifact_messages
from emitter.runner.event_log import Message

log = logging.getLogger("emitter.runner")

MANIFEST, RESULTS = "manifest.json", "run_results.json"


class LostMessages:
    """Notes the messages of one invocation, and makes those that are missing.

    Args:
        invocation_id: The id of dbt's invocation, which artifacts must have.
    """

    def __init__(self, invocation_id: str) -> None:
        self._id = invocation_id
        self._finished: set[str] = set()
        self._has_manifest = self._has_ended = False
        self.are_replaced = False
        """True if the artifacts were used."""

    def note(self, message: Message) -> None:
        """Notes a message that was not lost."""
        if message["name"] == "NodeFinished":
            self._finished.add(message["data"]["node_info"]["unique_id"])
        elif message["name"] == "CommandCompleted":
            self._has_ended = True
        elif message["name"] == "Manifest" or _is_manifest(message):
            self._has_manifest = True

    def ends_of_nodes(self, target: Path) -> Iterator[Message]:
        """Yields the ends of nodes that are missing, after the manifest if that is missing too.

        Args:
            target: dbt's target folder.
        """
        if (document := self._read(target)) is None:
            return
        self.are_replaced = True
        if not self._has_manifest:
            yield {"name": "Manifest", "manifest": document["manifest"]}
        for message in artifact_messages.ends_of_nodes(RunResults(document["results"])):
            if message["data"]["node_info"]["unique_id"] not in self._finished:
                self.note(message)
                yield message

    def end_of_dbt(self, time: str, *, succeeded: bool | None) -> Iterator[Message]:
        """Yields the end of dbt if it is missing.

        Args:
            time: The current time, RFC 3339.
            succeeded: The outcome that dbt reported without the disk; None if dbt was ended before.
        """
        if not self._has_ended and succeeded is not None:
            data = {"success": succeeded, "completed_at": time}
            yield {"name": "CommandCompleted", "msg": "", "ts": time, "data": data}

    def _read(self, target: Path) -> dict[str, Any] | None:
        """Returns the artifacts of this invocation; None if they are not there."""
        try:
            found = {"results": read_when_stable(target / RESULTS)}
            if not self._has_manifest:
                found["manifest"] = read_manifest(target / MANIFEST)
        except (ArtifactError, OSError):
            log.debug("no artifacts of this run", exc_info=True)
            return None
        ids = {str((document.get("metadata") or {}).get("invocation_id")) for document in found.values()}
        return found if ids == {self._id} else None


def _is_manifest(message: Message) -> bool:
    return bool(message["name"] == "ArtifactWritten" and message["data"].get("artifact_type") == "WritableManifest")
