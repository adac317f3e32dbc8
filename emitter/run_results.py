"""dbt's run_results: what became of each node of one invocation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from emitter.errors import ArtifactError

RUNS = frozenset({"build", "retry", "run", "seed", "snapshot", "test"})
"""The commands whose results are runs; `docs generate` and `compile` write results too, of nothing that was made."""

_DONE = frozenset({"success", "pass", "warn"})
_LEFT_OUT = frozenset({"skipped", "no-op"})


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one node.

    Attributes:
        unique_id: Which.
        status: In dbt's words: success, error, skipped, pass, fail, warn, ...
        started_at: When its work began, RFC 3339.
        ended_at: When it ended.
        message: What the engine or dbt said.
        failures: How many rows a test found.
        response: What the adapter tells of the query.
    """

    unique_id: str
    status: str
    started_at: str
    ended_at: str
    message: str | None
    failures: int | None
    response: Mapping[str, Any]

    @property
    def ran(self) -> bool:
        """Whether anything was done for it."""
        return self.status not in _LEFT_OUT

    @property
    def state(self) -> str:
        """OpenLineage's state; a test that only warns has not failed, a run that was only partly done has."""
        return "COMPLETE" if self.status in _DONE else "FAIL"

    def number(self, key: str) -> int:
        """A count that the adapter tells, or 0."""
        value = self.response.get(key)
        return int(value) if isinstance(value, int | float) or (isinstance(value, str) and value.isdigit()) else 0


class RunResults:
    """The results of one invocation of dbt.

    Args:
        document: The parsed run_results.json.

    Raises:
        ArtifactError: It is none.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        metadata, results = document.get("metadata"), document.get("results")
        if not isinstance(metadata, Mapping) or not isinstance(results, list):
            raise ArtifactError("these are no dbt run results: metadata or results is missing")
        self.generated_at = str(metadata.get("generated_at") or "1970-01-01T00:00:00Z")
        self.invocation_id: str | None = metadata.get("invocation_id")
        self.command: str | None = (document.get("args") or {}).get("which")
        self.full_refresh: bool | None = (document.get("args") or {}).get("full_refresh")
        told = results if self.command is None or self.command in RUNS else []
        self.by_id = {found.unique_id: found for found in self._read(told)}

    def _read(self, results: Iterable[Mapping[str, Any]]) -> Iterable[Result]:
        for found in results:
            timing = {part.get("name"): part for part in found.get("timing") or ()}
            # What failed before it was executed has at most the time of its compilation.
            part = timing.get("execute") or timing.get("compile") or {}
            yield Result(
                unique_id=str(found["unique_id"]),
                status=str(found.get("status")),
                started_at=part.get("started_at") or self.generated_at,
                ended_at=part.get("completed_at") or self.generated_at,
                message=found.get("message"),
                failures=found.get("failures"),
                response=found.get("adapter_response") or {},
            )
