"""The lineage that the facet of an event's job states for all targets, joined with what the outputs carry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

from consumer.lineage.explicit_lineage import FED_BY_NOTHING, JobLineage, flows_into, of_job, pack_flows
from consumer.lineage.facts.keys import JobName
from consumer.lineage.facts.output_facets import COLUMN_LINEAGE, LINEAGE
from consumer.lineage.facts.registers import Value, value_of
from consumer.lineage.folding.event_facets import Refs
from consumer.lineage.folding.gathering import Gathering
from consumer.lineage.folding.kept_facets import MISSPELT, misspelt_keys
from consumer.lineage.folding.lineage_limits import TOO_MUCH_LINEAGE, LineageLimits
from schemas.errors import BadFacet
from schemas.events import Job, OutputDataset
from schemas.facets.base import Deleted
from schemas.facets.lineage_facets import LineageFacet
from schemas.naming import DatasetName, canonical

Stated = JobLineage | Deleted | None
"""Lineage that a job's facet states: DELETED where it no longer holds, None where there is none."""


def stated_by(job: Job, key: JobName, gathering: Gathering, limits: LineageLimits) -> Stated:
    """Returns the lineage that a job's own facet states; left out where it can't be read, or is too much."""
    try:
        found = of_job(job.facets.get(LINEAGE), "$.job.facets", key)
    except BadFacet as error:
        gathering.leave_out(error.path, error.reason)
        return None
    for path, meant in misspelt_keys(LineageFacet, job.facets.get(LINEAGE)):
        gathering.leave_out(f"$.job.facets.{LINEAGE}{path}", MISSPELT.format(meant))
    if not isinstance(found, JobLineage):
        return found
    named = {*found.targets, *found.reads, *found.writes}
    if not limits.take({target: value.text or value.ref for target, value in found.targets.items()}, named):
        gathering.leave_out(f"$.job.facets.{LINEAGE}", TOO_MUCH_LINEAGE)
        return None
    for name in found.reads:
        gathering.mention(*name, read=True)
    for name in found.writes:
        gathering.mention(*name, read=False)
    return found


def lineage_of_targets(outputs: Mapping[DatasetName, Refs], stated: Stated) -> Mapping[DatasetName, Value]:
    """Returns the explicit lineage of each target by the job's facet.

    An output that the facet does not name, and that says nothing of its own lineage, is fed by nothing: a consumer is
    not to infer more than the facet says.
    """
    if stated is None:
        return {}
    unnamed = {name: refs for name, refs in outputs.items() if LINEAGE not in refs}
    if not isinstance(stated, JobLineage):
        return dict.fromkeys(unnamed, value_of(""))
    by_column = (name for name, refs in unnamed.items() if COLUMN_LINEAGE in refs)
    nothing = dict.fromkeys(unnamed, FED_BY_NOTHING) | dict.fromkeys(by_column, value_of(""))
    return {**nothing, **stated.targets}


def flows_of(outputs: Iterable[OutputDataset], key: JobName, stated: Stated) -> Value | None:
    """Returns the flows from and to other jobs; None where the event states no lineage itself."""
    flows = set(stated.flows) if isinstance(stated, JobLineage) else set()
    facets = [(dataset, dataset.facets[LINEAGE]) for dataset in outputs if dataset.facets.get(LINEAGE) is not None]
    if stated is None and not facets:
        return None
    for dataset, raw in facets:
        # A facet that can't be read is reported where the output is folded.
        with suppress(BadFacet):
            flows |= flows_into(raw, "$", canonical(dataset.namespace, dataset.name), key)
    return pack_flows(flows)
