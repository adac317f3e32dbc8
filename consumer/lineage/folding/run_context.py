"""Facts that the facets of a run state, whichever run it is: all runs of one invocation of dbt have the same facets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from consumer.lineage.facts.delta import Problem
from consumer.lineage.facts.registers import Value
from consumer.lineage.folding.event_facets import EventFacets
from consumer.lineage.folding.gathering import Gathering
from consumer.lineage.folding.job_naming import parent_run_id, project_of_run
from consumer.lineage.folding.kept_facets import RUN_FACETS, TAGS_OF_A_NODE, read_facet
from consumer.lineage.identity import IdentityRules
from schemas.errors import BadFacet
from schemas.events import Facets
from schemas.facets.dbt_facets import DbtRunRunFacet
from schemas.facets.job_facets import ErrorMessageRunFacet, SparkExceptionRunFacet, TagsFacet
from schemas.facets.known_facets import EXTRACTION_ERROR

_AT: Final = "$.run.facets"
_OBJECTS: Final = 1_500
_NO_RULES: Final = IdentityRules.of()


@dataclass(frozen=True, slots=True, eq=False)
class RunContext:
    """Facts of the facets of a run.

    Attributes:
        refs: References of the facets that are kept.
        texts: The texts of long values.
        project: The dbt project that was run; empty where it is not known.
        node_tags: The tags of dbt's node, which dbt-ol gives to the run, for the table that the node makes.
        parent_run: The id of the run that started it; empty where there is none.
        problems: What was left out.
    """

    refs: Mapping[str, str]
    texts: Mapping[str, str]
    project: str
    node_tags: Value | None
    parent_run: str
    problems: tuple[Problem, ...]

    @property
    def weight(self) -> int:
        """About how many bytes it takes."""
        return _OBJECTS + sum(map(len, (*self.refs.values(), *self.texts.values())))


def run_context(facets: Facets) -> RunContext:
    """Returns the facts that the facets of a run state."""
    gathering = Gathering(_NO_RULES)
    refs = EventFacets(gathering, (), "").refs(RUN_FACETS, facets, _AT)
    # Spark's own facet of an error stands for OpenLineage's.
    error = refs.pop(SparkExceptionRunFacet.key, None)
    if error is not None:
        refs.setdefault(ErrorMessageRunFacet.key, error)
    failed = facets.get(EXTRACTION_ERROR)
    if isinstance(failed, dict):
        refs[EXTRACTION_ERROR] = "" if failed.get("_deleted") is True else "true"
    return RunContext(
        refs,
        gathering.texts,
        project_of_run(facets),
        _node_tags(facets),
        parent_run_id(facets),
        tuple(gathering.problems),
    )


def _node_tags(facets: Facets) -> Value | None:
    raw = facets.get(TagsFacet.key)
    if raw is None or DbtRunRunFacet.key not in facets:
        return None
    try:
        return read_facet(TAGS_OF_A_NODE, raw, _AT).value
    except BadFacet:
        return None  # it is reported with the run's other facets


NO_RUN: Final = run_context({})
"""The context of an event that is not about a run."""
