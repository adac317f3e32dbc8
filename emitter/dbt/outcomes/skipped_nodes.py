"""The nodes that dbt skipped since another node failed, and which one that was. Pure.

dbt's callbacks, its telemetry and its artifacts name the failed node in three ways, or not at all. The project and the
outcome of each node say the same whichever of them was read.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping

from emitter.dbt import node_facets as facets
from emitter.dbt.manifest import STORED, Manifest, kind_of
from emitter.dbt.node_events import Event, EventBuilder, run_event
from emitter.dbt.outcomes.run_results import Result

_EPHEMERAL = re.compile(r"referenced ephemeral model (\S+)")
"""dbt-core's message of a node below an ephemeral model that did not compile; of that one, artifacts have no result."""


def events(
    manifest: Manifest, maker: EventBuilder, results: Mapping[str, Result], stored: Iterable[str]
) -> Iterator[Event]:
    """Yields one ABORT for each model, seed or snapshot that dbt skipped since another node failed.

    It names no dataset and no SQL, so that it changes nothing in lineage. A node that was skipped for another reason
    (`--fail-fast`, a failed hook of dbt's run) has none: only dbt's artifacts name it.

    Args:
        manifest: The project.
        maker: Makes the parts of events.
        results: The outcome of each node that has one, by unique id.
        stored: The nodes of which there may be events.
    """
    causes = _causes(manifest, results)
    for unique_id in stored:
        result = results.get(unique_id)
        if result is not None and result.is_skipped and unique_id in causes:
            skipped = facets.facet("headwater_skipped", reason=f"{causes[unique_id]} failed")
            job = maker.job(unique_id)
            job["facets"].pop("sql", None)
            yield run_event("ABORT", result.ended_at, maker.run(unique_id, skipped), job)


def _causes(manifest: Manifest, results: Mapping[str, Result]) -> dict[str, str]:
    """Returns the nearest failed node of each node that did not run since one failed."""
    causes = _ephemeral_causes(results)
    if not any(result.is_skipped for result in results.values()):
        return causes
    failed = sorted(id_ for id_, result in results.items() if result.ran and result.state == "FAIL")
    # Without an outcome are ephemeral models, and nodes that were not selected.
    ran = {id_ for id_, result in results.items() if not result.is_skipped}
    children = _children(manifest)
    waiting = deque((below, id_) for id_ in failed for below in _held_up(manifest, children, id_))
    while waiting:
        unique_id, cause = waiting.popleft()
        if unique_id not in causes and unique_id not in ran:
            causes[unique_id] = cause
            waiting.extend((child, cause) for child in children[unique_id])
    return causes


def _ephemeral_causes(results: Mapping[str, Result]) -> dict[str, str]:
    found = {id_: _EPHEMERAL.search(result.message or "") for id_, result in results.items() if result.is_skipped}
    return {id_: match[1] for id_, match in found.items() if match}


def _children(manifest: Manifest) -> Mapping[str, list[str]]:
    """Returns the nodes that depend on each node, in the order of their ids."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for unique_id in sorted(manifest.nodes):
        if kind_of(unique_id) in STORED:
            for parent in manifest.above(unique_id):
                found[parent].append(unique_id)
    return found


def _held_up(manifest: Manifest, children: Mapping[str, list[str]], failed: str) -> Iterable[str]:
    """Returns the nodes that dbt does not run since a node failed: by a test, the tested node or those that read it."""
    above = manifest.above(failed)
    if kind_of(failed) == "unit_test":
        return above
    if kind_of(failed) == "test":
        return [child for tested in above for child in children[tested]]
    return children[failed]
