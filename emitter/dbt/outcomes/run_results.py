"""dbt's run_results: what became of each node of one invocation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from emitter.dbt.artifact_times import EPOCH
from emitter.errors import ArtifactError

RUNS = frozenset({"build", "retry", "run", "seed", "snapshot", "test"})
"""The commands whose results are runs; `docs generate`, `compile` and others write results of nothing that ran."""

REUSED = "reused"
"""Status of a node that dbt did not build again because its table is up to date."""
CANCELLED = "cancelled"
"""Status of a node that was stopped while it ran; only dbt v2's telemetry has it."""

_DONE = frozenset({"success", "pass", "warn"})
_FAILED = frozenset({"error", "fail", "runtime error", "partial success"})
_SKIPPED = "skipped"
_LEFT_OUT = frozenset({_SKIPPED, "no-op", REUSED, CANCELLED})
_FAIL_FAST = "Skipping due to fail_fast"
_MAIN_THREAD = "main"


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one node.

    Attributes:
        unique_id: The node's unique id.
        status: dbt's status: success, error, skipped, reused, pass, fail, warn, ...
        started_at: When its work began, RFC 3339.
        ended_at: When it ended.
        message: The message of the engine or dbt.
        failures: How many rows a test found.
        response: The adapter's report on the query.
        sql: The compiled SQL, where dbt wrote it here.
    """

    unique_id: str
    status: str
    started_at: str
    ended_at: str
    message: str | None
    failures: int | None
    response: Mapping[str, Any]
    sql: str | None = None

    @property
    def ran(self) -> bool:
        """True if the node was executed, successfully or not."""
        return self.status in _DONE or self.status in _FAILED

    @property
    def is_skipped(self) -> bool:
        """True if dbt did not run the node, but for those that `--fail-fast` left: only the artifacts name these."""
        return self.status == _SKIPPED and self.message != _FAIL_FAST

    @property
    def is_known(self) -> bool:
        """False for a status that this version does not know, which is reported and not judged."""
        return self.ran or self.status in _LEFT_OUT

    @property
    def state(self) -> str:
        """OpenLineage's state; a test that only warns has not failed, a run that was only partly done has."""
        return "COMPLETE" if self.status in _DONE else "FAIL"

    def number(self, key: str) -> int:
        """Returns a count that the adapter reports, or 0."""
        value = self.response.get(key)
        return int(value) if isinstance(value, int | float) or (isinstance(value, str) and value.isdigit()) else 0


class RunResults:
    """The results of one invocation of dbt.

    Args:
        document: The parsed run_results.json.

    Attributes:
        ids: The unique ids of all nodes that the file names.
        by_id: The results that are evidence of an execution; empty for commands that execute nothing.
        stamped: Nodes to which dbt v2 gave one and the same error when the invocation was cancelled or did not compile,
            also those that had succeeded before; nothing is known about them.
        error: The message of that error.
        unknown: How many results have each status that this version does not know.

    Raises:
        ArtifactError: The document is not dbt's run results.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        metadata, results = document.get("metadata"), document.get("results")
        if not isinstance(metadata, Mapping) or not isinstance(results, list):
            raise ArtifactError("these are no dbt run results: metadata or results is missing")
        args = _arguments(document)
        self.generated_at = str(metadata.get("generated_at") or EPOCH)
        self.invocation_id: str | None = metadata.get("invocation_id")
        self.dbt_version = str(metadata.get("dbt_version") or "")
        self.command: str | None = args.get("which")
        self.full_refresh: bool | None = args.get("full_refresh")
        self.ids = frozenset(str(found["unique_id"]) for found in results)
        evidence = [found for found in results if self._is_evidence(found)]
        self.ran = self.command in RUNS or bool(evidence)
        self.stamped = self.ids if evidence and all(map(_is_stamped, evidence)) else frozenset[str]()
        self.error: str | None = results[0].get("message") if self.stamped else None
        told = () if self.stamped else evidence
        self.by_id = {str(found["unique_id"]): read_result(found, self.generated_at) for found in told}
        self.unknown = Counter(result.status for result in self.by_id.values() if not result.is_known)

    def _is_evidence(self, found: Mapping[str, Any]) -> bool:
        if self.command is None:
            # Without the command, only a time of execution shows that more was done than to compile.
            return any(part.get("name") == "execute" for part in found.get("timing") or ())
        return self.command in RUNS


def read_result(found: Mapping[str, Any], default_time: str) -> Result:
    """Reads one entry of `results`; `default_time` is for what has no times, as what failed before it was executed."""
    timing = {part.get("name"): part for part in found.get("timing") or ()}
    # What failed before it was executed has at most the time of its compilation.
    part = timing.get("execute") or timing.get("compile") or {}
    return Result(
        unique_id=str(found["unique_id"]),
        status=str(found.get("status")),
        started_at=part.get("started_at") or default_time,
        ended_at=part.get("completed_at") or default_time,
        message=found.get("message"),
        failures=found.get("failures"),
        response=found.get("adapter_response") or {},
        sql=found.get("compiled_code") or None,
    )


def _arguments(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the invocation's arguments; previews of dbt v2 have most of them below `__other__`."""
    args = document.get("args")
    args = args if isinstance(args, Mapping) else {}
    other = args.get("__other__")
    return {**(other if isinstance(other, Mapping) else {}), **args}


def _is_stamped(found: Mapping[str, Any]) -> bool:
    """True for the entry that dbt v2 writes for each selected node of a cancelled or failed invocation."""
    times: Iterable[Mapping[str, Any]] = found.get("timing") or ()
    without_duration = all(part.get("started_at") == part.get("completed_at") for part in times)
    return found.get("status") == "error" and found.get("thread_id") == _MAIN_THREAD and without_duration
