"""From events to the facts that they state.

Pure: the same events and rules give the same facts, whatever was folded before. A facet that can't be read costs that
facet, and is named among the problems.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final, NamedTuple

from consumer.lineage.explicit_lineage import declared_of
from consumer.lineage.facts.delta import Delta, Problem
from consumer.lineage.facts.keys import RunKey
from consumer.lineage.folding.body_cache import BodyCache, BodyKey
from consumer.lineage.folding.body_facts import BodyFacts
from consumer.lineage.folding.body_folding import body_facts, hear
from consumer.lineage.folding.delta_builder import DeltaBuilder
from consumer.lineage.folding.event_facets import EventFacets
from consumer.lineage.folding.gathering import Gathering
from consumer.lineage.folding.job_naming import DBT_TEST, TEST
from consumer.lineage.folding.run_context import NO_RUN, RunContext, run_context
from consumer.lineage.identity import IdentityRules
from schemas.byte_cache import ByteCache
from schemas.events import Body, Dataset, DatasetEvent, Event, JobEvent, Run, RunEvent, UnreadBody

__all__ = ["DBT_TEST", "TEST", "Folded", "Folder", "fold"]

MIB: Final = 1024 * 1024

KEPT_BODIES: Final = 11 * MIB
"""Bytes for the facts of bodies: those of more than 10,000 models."""

KEPT_CONTEXTS: Final = 1 * MIB
"""Bytes for what the facets of runs state: one entry for each invocation of dbt."""


class Folded(NamedTuple):
    """Facts of events, and what was left out.

    Attributes:
        delta: Their facts, joined.
        problems: What was left out, with the event.
    """

    delta: Delta
    problems: list[tuple[Event, Problem]]


class Folder:
    """Folds events, and keeps the facts of bodies that may come again; safe for several threads.

    Args:
        rules: What configuration says of names.
        kept_bodies: How many bytes the facts of bodies may take.
    """

    def __init__(self, rules: IdentityRules, kept_bodies: int = KEPT_BODIES) -> None:
        self._rules = rules
        self._bodies = BodyCache(kept_bodies)
        self._contexts: ByteCache[bytes, RunContext] = ByteCache(min(kept_bodies, KEPT_CONTEXTS))

    def fold(self, events: Iterable[Event]) -> Folded:
        """Returns the facts of events, joined as `merge` joins those of each."""
        builder, problems = DeltaBuilder(), list[tuple[Event, Problem]]()
        for event in events:
            left_out = [Problem(*one) for one in event.left_out]
            left_out += self._add(event, builder)
            problems += [(event, problem) for problem in left_out]
        delta = builder.build()
        delta.problems += [problem for _, problem in problems]
        return Folded(delta, problems)

    def _add(self, event: Event, builder: DeltaBuilder) -> Iterable[Problem]:
        """Adds the facts of an event; returns what was left out."""
        match event:
            case RunEvent():
                return self._add_run_event(event, builder)
            case JobEvent():
                return self._add_job_event(event, builder)
            case DatasetEvent():
                return self._add_dataset_event(event, builder)

    def _add_run_event(self, event: RunEvent, builder: DeltaBuilder) -> Iterable[Problem]:
        context = self._context(event.run)
        body = self._body(event, context, builder)
        if body.may_be_sql_statement and context.parent_run not in {"", event.run.run_id}:
            return ()
        run = RunKey(body.job, event.run.run_id)
        builder.add_run_event(run, event.event_type, event.event_time, body, context)
        return (*body.problems, *context.problems)

    def _add_dataset_event(self, event: DatasetEvent, builder: DeltaBuilder) -> Iterable[Problem]:
        dataset, gathering = event.dataset, Gathering(self._rules, event.producer)
        facets = EventFacets(gathering, (dataset,), event.producer)
        if facets.is_metadata(dataset, "$.dataset"):
            return gathering.problems
        hear(dataset, dataset.facets, "$.dataset", gathering, facets, read=False)
        builder.add_dataset_event(event.event_time, gathering.names(), gathering.texts)
        declared = declared_of(dataset, event.producer, event.schema_url)
        return [*gathering.problems, *self._add_declared(declared, dataset, "$.dataset", event.event_time, builder)]

    def _add_job_event(self, event: JobEvent, builder: DeltaBuilder) -> list[Problem]:
        """Adds the facts of a JobEvent, whose inputs may state lineage of themselves, as views do."""
        body, texts = body_facts(event.body, NO_RUN, self._rules)
        builder.add_job_event(event.event_time, body, texts)
        problems = [*body.problems]
        for index, dataset in enumerate(event.body.inputs):
            declared = declared_of(dataset, event.body.producer, event.body.schema_url)
            problems += self._add_declared(declared, dataset, f"$.inputs[{index}]", event.event_time, builder)
        return problems

    def _add_declared(
        self, declared: Body | None, dataset: Dataset, at: str, time: str, builder: DeltaBuilder
    ) -> list[Problem]:
        """Adds the lineage that a dataset states of itself; returns what was left out, by the dataset's place."""
        if declared is None:
            return []
        body, texts = body_facts(declared, NO_RUN, self._rules, dataset)
        builder.add_job_event(time, body, texts)
        moved = (problem.path.replace("$.outputs[0]", at, 1) for problem in body.problems)
        return [Problem(path, one.reason) for path, one in zip(moved, body.problems, strict=True)]

    def _context(self, run: Run) -> RunContext:
        if not run.digest:
            return run_context(run.facets)
        known = self._contexts.get(run.digest)
        if known is None:
            known = run_context(run.facets)
            self._contexts.put(run.digest, known, known.weight)
        return known

    def _body(self, event: RunEvent, context: RunContext, builder: DeltaBuilder) -> BodyFacts:
        """Returns the facts of an event's body; adds the texts of its long values."""
        content = event.content
        tags = "" if context.node_tags is None else context.node_tags.digest
        key = BodyKey(content.digest, context.project, tags) if isinstance(content, UnreadBody) else None
        known = self._bodies.get(key) if key is not None else None
        if known is not None:
            if known.stored:
                builder.promise_texts(known, partial(_texts, event, context, self._rules))
            return known
        made, texts = body_facts(event.body, context, self._rules)
        builder.add_texts(texts)
        return made if key is None else self._bodies.put(key, made)


def _texts(event: RunEvent, context: RunContext, rules: IdentityRules) -> Mapping[str, str]:
    _, texts = body_facts(event.body, context, rules)
    return texts


def fold(event: Event, rules: IdentityRules) -> Delta:
    """Returns the facts that one event states, under the identity rules of the configuration."""
    return Folder(rules, kept_bodies=0).fold([event]).delta
