"""Neptune's bulk loader: starts a load from S3 and watches it (Neptune user guide, "Neptune Loader Command")."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from consumer.errors import TransientError
from consumer.graph.gremlin.endpoint import Address
from consumer.graph.neptune_data import data_client, translate_errors
from schemas.counted import counted

RESPONSE_TIMEOUT_S = 60.0
MAX_ERRORS = 10
"""Maximum number of fetched errors of the files."""

COMPLETED = "LOAD_COMPLETED"
IN_PROGRESS = frozenset({"LOAD_NOT_STARTED", "LOAD_IN_QUEUE", "LOAD_IN_PROGRESS"})

_HINTS = {
    "LOAD_S3_ACCESS_DENIED_ERROR": "the role can't read the bucket: allow it s3:Get* and s3:List* there",
    "LOAD_S3_READ_ERROR": "reading S3 failed: check the address, and that Neptune's VPC has an endpoint for S3",
    "LOAD_FAILED_INVALID_REQUEST": "check --source, --role, and that the role is attached to the cluster",
}


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """The parameters of a load.

    Attributes:
        source: `s3://bucket/folder/` with the files of `export --format neptune-csv`.
        role: ARN of the role with which Neptune reads the files.
        region: Region of the bucket.
        update: True if values replace those of existing vertices; otherwise these are errors.
        parallelism: LOW, MEDIUM, HIGH or OVERSUBSCRIBE.
    """

    source: str
    role: str
    region: str
    update: bool = False
    parallelism: str = "MEDIUM"

    def parameters(self) -> dict[str, Any]:
        """Returns the parameters of `StartLoaderJob`."""
        return {
            "source": self.source,
            "format": "csv",
            "iamRoleArn": self.role,
            "s3BucketRegion": self.region,
            # AUTO, the default, skips files that an earlier load of the folder has loaded; they are others by now.
            "mode": "NEW",
            # A load that goes on leaves out what it can't read, and edges have no end then.
            "failOnError": True,
            "parallelism": self.parallelism,
            "updateSingleCardinalityProperties": self.update,
            # Neptune runs one load at a time, and refuses another one unless it may wait.
            "queueRequest": True,
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a load.

    Attributes:
        id: Id of the load.
        status: The loader's status, such as LOAD_IN_PROGRESS.
        records: Number of read records; each property of a vertex or edge counts as one.
        duplicates: Number of records that existed already.
        errors: Number of records that could not be loaded.
        seconds: Elapsed time in seconds.
        log: Messages of the first errors.
    """

    id: str
    status: str
    records: int = 0
    duplicates: int = 0
    errors: int = 0
    seconds: int = 0
    log: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.status}: {counted(self.records, 'record')} in {self.seconds:,} s"

    @property
    def in_progress(self) -> bool:
        """True while the load is in progress."""
        return self.status in IN_PROGRESS

    @property
    def ok(self) -> bool:
        """True if all records were loaded."""
        return self.status == COMPLETED and not self.errors

    @property
    def hint(self) -> str:
        """The next action for the status; empty if there is none."""
        return _HINTS.get(self.status, "")


class BulkLoader:
    """The loader of one Neptune cluster.

    Args:
        address: Address of the graph; requests are signed like those of its WebSocket.
    """

    def __init__(self, address: Address) -> None:
        self._client = data_client(address, RESPONSE_TIMEOUT_S)
        self._name = f"Neptune's loader at {self._client.meta.endpoint_url}/loader"

    def start(self, request: LoadRequest) -> str:
        """Starts a load; returns its id.

        Raises:
            TransientError: Neptune is unreachable or unavailable.
            GraphError: Neptune rejects the request.
            UsageError: There are no AWS credentials.
        """
        with translate_errors(self._name):
            return str(self._client.start_loader_job(**request.parameters())["payload"]["loadId"])

    def progress(self, load: str) -> Progress:
        """Returns the progress of a load.

        Raises:
            TransientError: Neptune is unreachable or unavailable.
            GraphError: The load is unknown.
            UsageError: There are no AWS credentials.
        """
        with translate_errors(self._name):
            payload = self._client.get_loader_job_status(
                loadId=load, details=True, errors=True, errorsPerPage=MAX_ERRORS, page=1
            )["payload"]
            overall = payload["overallStatus"]
            status = str(overall["status"])
        kinds = ("parsingErrors", "datatypeMismatchErrors", "insertErrors")
        log = (payload.get("errors") or {}).get("errorLogs") or []
        return Progress(
            load,
            status,
            records=overall.get("totalRecords", 0),
            duplicates=overall.get("totalDuplicates", 0),
            errors=sum(overall.get(kind, 0) for kind in kinds),
            seconds=overall.get("totalTimeSpent", 0),
            log=tuple(f"{e.get('fileName')}:{e.get('recordNum')}: {e.get('errorMessage')}" for e in log),
        )

    def watch(
        self,
        load: str,
        every_s: float,
        timeout_s: float,
        on_progress: Callable[[Progress], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> Progress:
        """Polls a load until its end, reports each progress, and returns the last one.

        Raises:
            TransientError: Neptune did not respond for `timeout_s`; the load continues.
            GraphError: The load is unknown.
        """
        silent_s = 0.0
        while True:
            try:
                progress = self.progress(load)
            except TransientError as error:
                # The load goes on in Neptune, watched or not; an instance that restarts is silent for a while.
                if silent_s >= timeout_s:
                    raise TransientError(f"{error}; the load continues: watch it with --load-id {load}") from error
                silent_s += every_s
            else:
                silent_s = 0.0
                on_progress(progress)
                if not progress.in_progress:
                    return progress
            sleep(every_s)
