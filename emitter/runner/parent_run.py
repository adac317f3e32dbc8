"""The run that dbt's run is a part of, as an orchestrator passes it in environment variables."""

import json
import logging
from collections.abc import Mapping
from typing import Any

log = logging.getLogger("emitter.runner")

Fields = dict[str, Any]
"""The fields of a ParentRunFacet: `run`, `job`, and `root` with the same two."""


def outer(environ: Mapping[str, str]) -> Fields | None:
    """Reads OPENLINEAGE_CONTEXT, else OPENLINEAGE_PARENT_ID and OPENLINEAGE_ROOT_PARENT_ID; returns None without them.

    An id is `{job namespace}/{job name}/{run id}`. If the root is missing or invalid, it is the parent itself.
    """
    if (found := _of_context(environ.get("OPENLINEAGE_CONTEXT"))) is not None:
        return found
    parent = _of_id("OPENLINEAGE_PARENT_ID", environ)
    return part_of(parent, _of_id("OPENLINEAGE_ROOT_PARENT_ID", environ)) if parent else None


def part_of(parent: Fields, root: Fields | None) -> Fields:
    """Returns the fields for a child of `parent`, whose root is `root`, or the parent itself."""
    return {
        **{key: parent[key] for key in ("run", "job")},
        "root": root or {key: parent[key] for key in ("run", "job")},
    }


def run_of(namespace: str, name: str, run_id: str) -> Fields:
    """Returns the fields that identify one run of one job."""
    return {"run": {"runId": run_id}, "job": {"namespace": namespace, "name": name}}


def _of_id(variable: str, environ: Mapping[str, str]) -> Fields | None:
    if not (text := environ.get(variable)):
        return None
    # A namespace such as `arn:aws:states:...` or `http://host` may contain slashes; a job's name and a run's id don't.
    parts = text.rsplit("/", 2)
    if len(parts) != 3 or not all(parts):  # noqa: PLR2004
        log.warning("%s is %r, not `namespace/job/run id`: dbt's run has no parent", variable, text)
        return None
    return run_of(*parts)


def _of_context(text: str | None) -> Fields | None:
    try:
        parent = json.loads(text or "null")["parent"]
        given = _given(parent)
        return part_of(given, _given(parent["root"]) if parent.get("root") else None)
    except (ValueError, TypeError, KeyError, AttributeError):
        if text:
            log.warning("OPENLINEAGE_CONTEXT has no valid parent: using OPENLINEAGE_PARENT_ID")
        return None


def _given(run: Fields) -> Fields:
    return run_of(run["job"]["namespace"], run["job"]["name"], run["run"]["runId"])
