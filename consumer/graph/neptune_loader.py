"""Neptune's bulk loader: starts a load from S3 and tells how far it is (its user guide, "Neptune Loader Command")."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from consumer.errors import TransientError
from consumer.graph.gremlin.connection import GraphError
from consumer.graph.gremlin.endpoint import Address
from consumer.graph.gremlin.sigv4 import signed

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
_TRANSIENT = (429, 500, 502, 503, 504)


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

    def body(self) -> dict[str, str]:
        """As the loader wants it."""
        return {
            "source": self.source,
            "format": "csv",
            "iamRoleArn": self.role,
            "region": self.region,
            "mode": "NEW",
            "failOnError": "TRUE",
            "parallelism": self.parallelism,
            "updateSingleCardinalityProperties": str(self.update).upper(),
            "queueRequest": "TRUE",
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
        parts = urlsplit(address.url)
        self._url = f"{'https' if parts.scheme == 'wss' else 'http'}://{parts.netloc}/loader"
        self._region = address.region

    def start(self, request: LoadRequest) -> str:
        """Asks for a load; gives its id.

        Raises:
            TransientError: Neptune can't be reached, or not now.
            GraphError: It refuses.
        """
        return str(self._ask("POST", self._url, request.body())["loadId"])

    def progress(self, load: str) -> Progress:
        """How far a load is.

        Raises:
            TransientError: Neptune can't be reached, or not now.
            GraphError: It knows no such load.
        """
        query = urlencode({"details": "true", "errors": "true", "errorsPerPage": MOST_ERRORS, "page": 1})
        payload = self._ask("GET", f"{self._url}/{load}?{query}")
        found = payload["overallStatus"]
        kinds = ("parsingErrors", "datatypeMismatchErrors", "insertErrors")
        log = (payload.get("errors") or {}).get("errorLogs") or []
        return Progress(
            load,
            str(found["status"]),
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

    def _ask(self, method: str, url: str, body: Mapping[str, str] | None = None) -> dict[str, Any]:
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Content-Type": "application/json"} if data else {}
        headers |= signed(method, url, data, headers, self._region)
        request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 -- http or https, see above
        context = ssl.create_default_context() if url.startswith("https") else None
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_TIMEOUT_S, context=context) as answer:  # noqa: S310
                return dict(json.load(answer)["payload"])
        except urllib.error.HTTPError as error:
            raise _meaning(url, error) from error
        except (OSError, ValueError, KeyError) as error:
            raise TransientError(f"Neptune's loader at {url.partition('?')[0]} does not answer: {error}") from error


def _meaning(url: str, error: urllib.error.HTTPError) -> TransientError | GraphError:
    said = error.read().decode(errors="replace")[:1000]
    words = f"Neptune's loader at {url.partition('?')[0]} answers {error.code}: {said}"
    return TransientError(words) if error.code in _TRANSIENT else GraphError(words)
