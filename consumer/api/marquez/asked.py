"""A request to the graph, with what is remembered of the whole graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from consumer.api.marquez.activity import Activity, activity
from consumer.api.marquez.freshness import Fresh
from consumer.api.marquez.name_lists import NameLists, name_lists, names_given, tag_names
from consumer.api.marquez.query_string import QueryString
from consumer.graph.store import GraphStore
from consumer.lineage.facts.keys import JobName


@dataclass(frozen=True)
class Remembered:
    """The parts of the whole graph that answers need.

    Attributes:
        names: The names of datasets and jobs.
        given: Other names of jobs.
        tags: The tags of datasets and columns.
        activity: What has run.
        now: The present moment.
    """

    names: Fresh[NameLists] = field(default_factory=lambda: Fresh(name_lists))
    given: Fresh[dict[JobName, JobName]] = field(default_factory=lambda: Fresh(names_given))
    tags: Fresh[list[str]] = field(default_factory=lambda: Fresh(tag_names))
    activity: Fresh[Activity] = field(default_factory=lambda: Fresh(activity))
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class Asked(NamedTuple):
    """A request, on one state of the graph.

    Attributes:
        store: The graph.
        parts: The variable parts of its path, decoded.
        query: Its query string.
        remembered: What is known of the whole graph.
    """

    store: GraphStore
    parts: tuple[str, ...]
    query: QueryString
    remembered: Remembered

    @property
    def names(self) -> NameLists:
        """The names of datasets and jobs."""
        return self.remembered.names.get(self.store)

    @property
    def activity(self) -> Activity:
        """Returns the activity."""
        return self.remembered.activity.get(self.store)
