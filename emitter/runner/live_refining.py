"""Refinement of a live run's events, where it is installed and not switched off."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emitter.refine import Refiner

log = logging.getLogger("emitter.runner")


class Refining:
    """Makes events more precise; never raises. What can't be refined is sent as it is, and the reason is told once.

    Args:
        document: The parsed manifest; the SQL of a node is added to it when dbt has compiled it.
        catalog: The parsed catalog.json, of whatever age.
        target: dbt's target folder.
        environ: The environment variables.

    Attributes:
        traces_columns: Whether column lineage is read out of SQL.
    """

    def __init__(
        self, document: dict[str, Any], catalog: dict[str, Any] | None, target: Path, environ: Mapping[str, str]
    ) -> None:
        self._refiner: Refiner | None = None
        self._told = False
        self.traces_columns = False
        try:
            from emitter.refine import project_refiner, refiner  # noqa: PLC0415 # loaded for commands with lineage alone
            from emitter.refine.refine_options import is_on, options_from  # noqa: PLC0415

            if is_on(environ):
                options = options_from(environ, target / project_refiner.CACHE)
                self._refiner = refiner.Refiner(document, catalog, options)
                self.traces_columns = options.column_lineage
        except Exception as error:  # noqa: BLE001 # events without it are still true
            self._tell(error)

    def __call__(self, event: dict[str, Any]) -> dict[str, Any]:
        """The event, refined if that can be done."""
        try:
            return self._refiner.refine(event) if self._refiner is not None else event
        except Exception as error:  # noqa: BLE001 # as above
            self._tell(error)
            return event

    def save(self) -> None:
        """Writes the cache."""
        if self._refiner is not None:
            self._refiner.save()

    def report(self) -> None:
        """Logs what is not known of the run's lineage, and which tables only SQL names."""
        for sentence in self._refiner.report() if self._refiner is not None else ():
            log.warning("%s", sentence)

    def _tell(self, error: Exception) -> None:
        if not self._told:
            self._told = True
            log.warning("events are sent as they are, not refined: %s: %s", type(error).__name__, error)
