"""Which domain an event is for; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from consumer.config.settings import DataZoneSettings
from schemas.events import JobEvent, RunEvent


@dataclass(frozen=True, slots=True)
class Target:
    """A domain, and how to get there.

    Attributes:
        domain_id: Its id.
        region: Its AWS Region; the environment's if None.
        role_arn: The role to assume, perhaps in another account; none if None.
        external_id: What that role's trust policy may ask for.
        account_id: The account of tables whose names do not say it.
    """

    domain_id: str
    region: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    account_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Route:
    target: Target
    namespaces: Sequence[str]
    projects: Sequence[str]

    def takes(self, namespaces: Sequence[str], projects: Sequence[str]) -> bool:
        return _match(self.namespaces, namespaces) and _match(self.projects, projects)


class Routes:
    """The routes of the settings in their order; what none of them takes goes to `datazone.domain_id`, if set."""

    def __init__(self, settings: DataZoneSettings) -> None:
        self._routes = [
            _Route(
                Target(
                    route.domain_id,
                    route.region or settings.region,
                    route.role_arn or settings.role_arn,
                    route.external_id or settings.external_id,
                    route.account_id or settings.account_id,
                ),
                route.namespaces,
                route.projects,
            )
            for route in settings.routes
        ]
        if settings.domain_id is not None:
            own = (settings.region, settings.role_arn, settings.external_id, settings.account_id)
            self._routes.append(_Route(Target(settings.domain_id, *own), (), ()))

    @property
    def targets(self) -> list[Target]:
        """All targets, each once."""
        return list(dict.fromkeys(route.target for route in self._routes))

    def find(self, event: RunEvent | JobEvent) -> Target | None:
        """Where an event goes; None if no route takes it."""
        namespaces, projects = list(_namespaces(event)), list(_projects(event))
        return next((route.target for route in self._routes if route.takes(namespaces, projects)), None)


def _match(patterns: Sequence[str], texts: Sequence[str]) -> bool:
    """Whether a pattern fits a text; without patterns all do."""
    return not patterns or any(fnmatchcase(text, pattern) for text in texts for pattern in patterns)


def _namespaces(event: RunEvent | JobEvent) -> Iterator[str]:
    """Yields the job's namespace; then those of what it writes (or only reads), alone and with the dataset's name."""
    yield event.job.namespace
    for dataset in event.outputs or event.inputs:
        yield dataset.namespace
        yield f"{dataset.namespace}/{dataset.name}"


def _projects(event: RunEvent | JobEvent) -> Iterator[str]:
    """Yields the dbt project, as the run and the node say it."""
    facets = event.run.facets if isinstance(event, RunEvent) else {}
    run, node = facets.get("dbt_run"), event.job.facets.get("dbt_node")
    if isinstance(run, Mapping) and isinstance(run.get("project_name"), str):
        yield run["project_name"]
    unique_id = node.get("unique_id") if isinstance(node, Mapping) else None
    if isinstance(unique_id, str) and unique_id.count(".") > 1:
        yield unique_id.split(".")[1]
