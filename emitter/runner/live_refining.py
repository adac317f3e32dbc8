"""Refinement of a live run's events, where it is installed and not switched off."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emitter.refine import Refiner

log = logging.getLogger("emitter.runner")


class LiveRefiner:
    """Refines events; never raises. An event that can't be refined is sent unchanged, and the reason is logged once.

    Args:
        document: The parsed manifest; the SQL of a node is added to it when dbt has compiled it.
        catalog: The parsed catalog.json, of any age.
        target: dbt's target folder.
        environ: The environment variables.

    Attributes:
        traces_columns: True if column lineage is derived from SQL.
    """

    def __init__(
        self, document: dict[str, Any], catalog: dict[str, Any] | None, target: Path, environ: Mapping[str, str]
    ) -> None:
        self._refiner: Refiner | None = None
        self._reported = False
        self.traces_columns = False
        try:
            from emitter.refine import project_refiner, refiner  # noqa: PLC0415 # loaded for commands with lineage alone
            from emitter.refine.refine_options import is_on, options_from  # noqa: PLC0415

            if is_on(environ):
                options = options_from(environ, target / project_refiner.CACHE)
                self._refiner = refiner.Refiner(document, catalog, options)
                self.traces_columns = options.column_lineage
        except Exception as error:  # noqa: BLE001 # events without refinement are still valid
            self._log_once(error)

    def __call__(self, event: dict[str, Any]) -> dict[str, Any]:
        """Returns the event, refined if possible."""
        try:
            return self._refiner.refine(event) if self._refiner is not None else event
        except Exception as error:  # noqa: BLE001 # as above
            self._log_once(error)
            return event

    def hooks(self, event: dict[str, Any], began: str = "") -> list[dict[str, Any]]:
        """Returns the events of the hooks of a node or of dbt's own run; none if they can't be made."""
        try:
            return self._refiner.hooks(event, began) if self._refiner is not None else []
        except Exception as error:  # noqa: BLE001 # as above
            self._log_once(error)
            return []

    def save(self) -> None:
        """Writes the cache."""
        if self._refiner is not None:
            self._refiner.save()

    def report(self) -> None:
        """Logs the unknown lineage of the run, and the tables that only SQL names."""
        for sentence in self._refiner.report() if self._refiner is not None else ():
            log.warning("%s", sentence)

    def _log_once(self, error: Exception) -> None:
        if not self._reported:
            self._reported = True
            log.warning("events are sent without refinement: %s: %s", type(error).__name__, error)
