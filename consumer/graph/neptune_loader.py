"""Neptune's bulk loader: starts a load from S3 and watches it (Neptune user guide, "Neptune Loader Command")."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from consumer.errors import TransientError
from consumer.graph.gremlin.endpoint import Address
from consumer.graph.neptune_data import data_client, translated

ANSWER_TIMEOUT_S = 60.0
MOST_ERRORS = 10
"""How many of the errors in the files are fetched."""

COMPLETED = "LOAD_COMPLETED"
UNDER_WAY = frozenset({"LOAD_NOT_STARTED", "LOAD_IN_QUEUE", "LOAD_IN_PROGRESS"})

_HINTS = {
    "LOAD_S3_ACCESS_DENIED_ERROR": "the role can't read the bucket: allow it s3:Get* and s3:List* there",
    "LOAD_S3_READ_ERROR": "S3 can't be read: check the address, and that Neptune's VPC has an endpoint for S3",
    "LOAD_FAILED_INVALID_REQUEST": "check --source, --role, and that the role is attached to the cluster",
}


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What is loaded, and how.

    Attributes:
        source: `s3://bucket/folder/`, with the files of `export --format neptune-csv`.
        role: ARN of the role that Neptune reads them with.
        region: Of the bucket.
        update: Whether a file's value replaces that of a vertex that is there already; else that is an error.
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
            "mode": "NEW",
            "failOnError": True,
            "parallelism": self.parallelism,
            "updateSingleCardinalityProperties": self.update,
            "queueRequest": True,
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a load is.

    Attributes:
        id: The load's.
        status: In the loader's words, such as LOAD_IN_PROGRESS.
        records: How many it has read: a vertex's or edge's properties count one each.
        duplicates: How many of them were there already.
        errors: How many could not be loaded.
        seconds: For how long it runs.
        log: What is wrong with the first of those that could not be loaded.
    """

    id: str
    status: str
    records: int = 0
    duplicates: int = 0
    errors: int = 0
    seconds: int = 0
    log: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.status}: {self.records:,} records in {self.seconds:,} s"

    @property
    def under_way(self) -> bool:
        """Whether it goes on."""
        return self.status in UNDER_WAY

    @property
    def ok(self) -> bool:
        """Whether all is loaded."""
        return self.status == COMPLETED and not self.errors

    @property
    def hint(self) -> str:
        """What to do, where the status tells."""
        return _HINTS.get(self.status, "")


class BulkLoader:
    """The loader of one Neptune cluster.

    Args:
        address: The graph's; requests are signed as those of its WebSocket are.
    """

    def __init__(self, address: Address) -> None:
        self._client = data_client(address, ANSWER_TIMEOUT_S)
        self._name = f"Neptune's loader at {self._client.meta.endpoint_url}/loader"

    def start(self, request: LoadRequest) -> str:
        """Starts a load; returns its id.

        Raises:
            TransientError: Neptune can't be reached, or can't serve now.
            GraphError: It rejects the request.
            UsageError: There are no AWS credentials.
        """
        with translated(self._name):
            return str(self._client.start_loader_job(**request.parameters())["payload"]["loadId"])

    def progress(self, load: str) -> Progress:
        """Returns the progress of a load.

        Raises:
            TransientError: Neptune can't be reached, or can't serve now.
            GraphError: It knows no such load.
            UsageError: There are no AWS credentials.
        """
        with translated(self._name):
            payload = self._client.get_loader_job_status(
                loadId=load, details=True, errors=True, errorsPerPage=MOST_ERRORS, page=1
            )["payload"]
            found = payload["overallStatus"]
            status = str(found["status"])
        kinds = ("parsingErrors", "datatypeMismatchErrors", "insertErrors")
        log = (payload.get("errors") or {}).get("errorLogs") or []
        return Progress(
            load,
            status,
            records=found.get("totalRecords", 0),
            duplicates=found.get("totalDuplicates", 0),
            errors=sum(found.get(kind, 0) for kind in kinds),
            seconds=found.get("totalTimeSpent", 0),
            log=tuple(f"{e.get('fileName')}:{e.get('recordNum')}: {e.get('errorMessage')}" for e in log),
        )

    def watch(
        self,
        load: str,
        every_s: float,
        patience_s: float,
        tell: Callable[[Progress], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> Progress:
        """Asks again and again, tells of each answer, and gives the one at the load's end.

        Raises:
            TransientError: Neptune did not answer for `patience_s`; the load goes on without us.
            GraphError: It knows no such load.
        """
        silent_s = 0.0
        while True:
            try:
                found = self.progress(load)
            except TransientError as error:
                if silent_s >= patience_s:
                    raise TransientError(f"{error}; the load goes on: watch it with --load-id {load}") from error
                silent_s += every_s
            else:
                silent_s = 0.0
                tell(found)
                if not found.under_way:
                    return found
            sleep(every_s)
