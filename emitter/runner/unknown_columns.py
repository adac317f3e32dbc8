"""Unknown column lineage, which is not the same as none: counted while dbt runs, and reported at its end."""

from collections.abc import Mapping
from typing import Any

from emitter.dbt.node_names import SHOWN, node_of
from schemas.counted import counted

_WITH_COLUMNS = frozenset({"MODEL", "SNAPSHOT"})
_ADVICE = "`dbt docs generate` before the next run lets it be read, where it fails for unknown columns of a source"


class UnknownColumns:
    """Counts the models and snapshots that were built, and those of them whose columns could not be traced."""

    def __init__(self) -> None:
        self._built: dict[str, bool] = {}

    def take(self, event: Mapping[str, Any]) -> None:
        """Counts an event that is sent."""
        kind = event.get("job", {}).get("facets", {}).get("jobType", {}).get("jobType")
        if event.get("eventType") != "COMPLETE" or kind not in _WITH_COLUMNS or not event.get("inputs"):
            return
        self._built[node_of(event)] = all(_is_traced(output) for output in event.get("outputs") or ())

    def report(self) -> str:
        """Returns a sentence about the models with unknown columns; empty if there are none."""
        unknown = sorted(name for name, traced in self._built.items() if not traced)
        if not unknown:
            return ""
        more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
        names = f"{', '.join(unknown[:SHOWN])}{more}"
        return (
            f"column lineage of {len(unknown)} of {counted(len(self._built), 'model')} is unknown: {names} ({_ADVICE})"
        )


def _is_traced(output: Mapping[str, Any]) -> bool:
    lineage = output.get("facets", {}).get("columnLineage")
    return bool(lineage and (lineage.get("fields") or lineage.get("dataset")))
