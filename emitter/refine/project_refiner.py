"""dbt's artifacts on disk, and a refiner that follows them from one invocation to the next."""

import logging
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emitter.dbt.artifact_file import read_settled, stamp_of
from emitter.refine.refine_options import RefineOptions, is_on, options_from
from emitter.refine.refiner import Refiner

log = logging.getLogger("emitter")

_TARGET_PATH = re.compile(r"""^target-path:\s*["']?([^"'#\n{]+?)["']?\s*(?:#.*)?$""", re.MULTILINE)
CACHE = "headwater_columns.cache"
"""The file of cached column lineage in dbt's target folder."""
_ENDED = frozenset({"ABORT", "COMPLETE", "FAIL"})


@dataclass(frozen=True)
class Artifacts:
    """The paths of a project's artifacts.

    Attributes:
        manifest: manifest.json, which exists.
        catalog: catalog.json, or None.
    """

    manifest: Path
    catalog: Path | None = None


def find(project_dir: Path, target: str | Path | None = None) -> Artifacts | None:
    """Returns the artifacts of a dbt project; None if there is no manifest.

    Args:
        project_dir: The folder of dbt_project.yml.
        target: dbt's target path, absolute or below the project; default: from dbt_project.yml, else `target`.
    """
    folder = project_dir / (target or _target_path(project_dir))
    manifest, catalog = folder / "manifest.json", folder / "catalog.json"
    if not manifest.is_file():
        return None
    return Artifacts(manifest, catalog if catalog.is_file() else None)


def make_refiner(
    environ: Mapping[str, str], cwd: Path, arguments: Sequence[str] = ()
) -> "Callable[[dict[str, Any]], dict[str, Any]] | None":
    """Returns a function that refines the events of the dbt project in a folder; it never raises.

    It reads the artifacts with the first event of a node, and again when dbt has rewritten them. An event of another
    invocation than the manifest's, or without a manifest, is returned unchanged.

    Args:
        environ: The environment: HEADWATER_REFINE..., DBT_PROJECT_DIR, DBT_TARGET_PATH.
        cwd: dbt's working directory.
        arguments: dbt's command line, for `--project-dir` and `--target-path`.

    Returns:
        None if refinement is off or its options are not valid, which is logged.
    """
    try:
        if not is_on(environ):
            return None
        folder = cwd / (_option(arguments, "--project-dir") or environ.get("DBT_PROJECT_DIR") or ".")
        target = _option(arguments, "--target-path") or environ.get("DBT_TARGET_PATH") or _target_path(folder)
        return ProjectRefiner(folder, target, options_from(environ, folder / target / CACHE))
    except Exception as error:  # noqa: BLE001 # dbt runs, and events are sent unchanged
        log.warning("OpenLineage events are not refined: %s", error)
        return None


class ProjectRefiner:
    """Refines with a project's artifacts as they are at each event.

    Args:
        project_dir: the folder of dbt_project.yml.
        target: dbt's target path.
        options: how to refine.
    """

    def __init__(self, project_dir: Path, target: str, options: RefineOptions) -> None:
        self._project_dir = project_dir
        self._target = target
        self._options = options
        self._seen: tuple[Any, ...] = ()
        self._refiner: Refiner | None = None
        self._invocation: str | None = None
        self._is_logged = False
        self._reported: set[str] = set()

    def __call__(self, event: dict[str, Any]) -> dict[str, Any]:
        """Returns the event refined, or unchanged if that fails; the reason is logged once."""
        try:
            return self._refined(event)
        except Exception as error:  # noqa: BLE001 # an event that can't be refined is still sent
            if not self._is_logged:
                self._is_logged = True
                log.warning("events are sent without refinement: %s: %s", type(error).__name__, error)
            return event

    def _refined(self, event: dict[str, Any]) -> dict[str, Any]:
        job, run = event.get("job") or {}, (event.get("run") or {}).get("facets") or {}
        if not (job.get("facets") or {}).get("dbt_node"):
            if self._refiner is not None and event.get("eventType") in _ENDED:
                self._refiner.save()
                self._report(self._refiner)
            return event
        self._load()
        invocation = (run.get("dbt_run") or {}).get("invocation_id")
        if self._refiner is None or (invocation and self._invocation and invocation != self._invocation):
            return event
        return self._refiner.refine(event)

    def _report(self, refiner: Refiner) -> None:
        for sentence in refiner.report():
            if sentence not in self._reported:
                self._reported.add(sentence)
                log.warning("%s", sentence)

    def _load(self) -> None:
        artifacts = find(self._project_dir, self._target)
        seen = () if artifacts is None else tuple(map(stamp_of, filter(None, (artifacts.manifest, artifacts.catalog))))
        if artifacts is None or seen == self._seen:
            return
        self._seen = seen
        if self._refiner is not None:
            self._refiner.save()
        manifest = read_settled(artifacts.manifest)
        catalog = read_settled(artifacts.catalog) if artifacts.catalog else None
        self._invocation = (manifest.get("metadata") or {}).get("invocation_id")
        self._refiner = Refiner(manifest, catalog, self._options)


def _target_path(project_dir: Path) -> str:
    """Returns the deprecated setting of dbt_project.yml, read without a YAML parser, or dbt's default."""
    try:
        found = _TARGET_PATH.search((project_dir / "dbt_project.yml").read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        found = None
    return found[1].strip() if found else "target"


def _option(arguments: Sequence[str], name: str) -> str | None:
    for index, argument in enumerate(arguments):
        if argument.startswith(f"{name}="):
            return argument.partition("=")[2]
        if argument == name and index + 1 < len(arguments):
            return os.fspath(arguments[index + 1])
    return None
