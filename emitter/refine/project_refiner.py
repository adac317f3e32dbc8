"""dbt's artifacts on disk, and a refiner that follows them from one invocation to the next."""

import logging
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emitter.dbt.artifact_file import read_when_stable, stamp_of
from emitter.refine.nested_access import at
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


def make_refiner(environ: Mapping[str, str], cwd: Path, arguments: Sequence[str] = ()) -> "ProjectRefiner | None":
    """Returns a refiner of the events of the dbt project in a folder.

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
    """Refines with a project's artifacts as they are at each event; never raises.

    Args:
        project_dir: The folder of dbt_project.yml.
        target: dbt's target path.
        options: Settings that can't be derived.
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
        self._begun: dict[str, str] = {}

    def __call__(self, event: dict[str, Any]) -> dict[str, Any]:
        """Returns the event refined, or unchanged if that fails; the reason is logged once."""
        return self.events(event)[0]

    def events(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        """Returns the event refined, or unchanged if that fails, and behind it the events of its hooks."""
        refined = event
        try:
            if not _is_of_node(event):
                return [event, *self._ended(event)]
            refined = self._refined(event)
            return [refined, *self._hooks(refined)]
        except Exception as error:  # noqa: BLE001 # an event that can't be refined is still sent
            if not self._is_logged:
                self._is_logged = True
                log.warning("events are sent without refinement: %s: %s", type(error).__name__, error)
            return [refined]

    def _ended(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        """Returns the events of the hooks of a run of dbt, and reports what is unknown of it."""
        run_id = at(event, "run").get("runId", "")
        if event.get("eventType") == "START":
            self._begun[run_id] = event["eventTime"]
        if self._refiner is None or event.get("eventType") not in _ENDED:
            return []
        # dbt adds the SQL of these hooks to its manifest when they have run.
        self._load()
        found = self._hooks(event, self._begun.pop(run_id, ""))
        self._refiner.save()
        self._report(self._refiner)
        return found

    def _refined(self, event: dict[str, Any]) -> dict[str, Any]:
        self._load()
        return self._refiner.refine(event) if self._refiner is not None and self._is_ours(event) else event

    def _hooks(self, event: dict[str, Any], began: str = "") -> list[dict[str, Any]]:
        return self._refiner.hooks(event, began) if self._refiner is not None and self._is_ours(event) else []

    def _is_ours(self, event: dict[str, Any]) -> bool:
        """Returns True unless the event is known to be of another invocation than the manifest."""
        invocation = at(event, "run", "facets", "dbt_run").get("invocation_id")
        return not (invocation and self._invocation and invocation != self._invocation)

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
        manifest = read_when_stable(artifacts.manifest)
        catalog = read_when_stable(artifacts.catalog) if artifacts.catalog else None
        self._invocation = (manifest.get("metadata") or {}).get("invocation_id")
        self._refiner = Refiner(manifest, catalog, self._options)


def _is_of_node(event: Mapping[str, Any]) -> bool:
    return bool(at(event, "job", "facets").get("dbt_node"))


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
