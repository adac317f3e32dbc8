"""Subjects of events with a context, read without the facts that it states of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import orjson

from consumer.lineage.exposures import KEY as EXPOSURES
from consumer.lineage.facts.keys import JobName
from consumer.lineage.lifecycle import LIFECYCLE, RENAMED
from schemas.naming import DatasetName


class Mentioned(NamedTuple):
    """Subjects of events with a context.

    Attributes:
        jobs: Their job, where they are of one.
        names: The names that they give, also as links of a dataset.
        tied: Those of which a link, a drop or a renaming is stated.
        exposed: Those of which an exposure is stated.
        facets: References of the job's facets.
    """

    jobs: tuple[JobName, ...]
    names: tuple[DatasetName, ...]
    tied: frozenset[DatasetName]
    exposed: frozenset[DatasetName]
    facets: Mapping[str, str]


def mentioned_in(context: str) -> Mentioned:
    """Returns what a context's text is about."""
    of_jobs, of_names = orjson.loads(context)
    names: list[DatasetName] = []
    tied: set[DatasetName] = set()
    exposed: set[DatasetName] = set()
    for namespace, called, _, values, _, linked_with, links in of_names:
        name = DatasetName(namespace, called)
        names.append(name)
        if linked_with or links or ties(values):
            tied.add(name)
        if exposes(values):
            exposed.add(name)
    jobs = tuple(JobName(namespace, name) for namespace, name, *_ in of_jobs)
    facets: Mapping[str, str] = of_jobs[0][3] if of_jobs else {}
    return Mentioned(jobs, tuple(names), frozenset(tied), frozenset(exposed), facets)


def ties(refs: Mapping[str, str]) -> bool:
    """True if facets of a dataset state that it was created, dropped or renamed."""
    return LIFECYCLE in refs or RENAMED in refs


def exposes(refs: Mapping[str, str]) -> bool:
    """True if facets of a dataset state exposures that use it."""
    return any(facet.startswith(EXPOSURES) and ref for facet, ref in refs.items())
