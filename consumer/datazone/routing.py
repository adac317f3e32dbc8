"""Routing of events to DataZone domains; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from consumer.config.settings import DataZoneSettings
from schemas.events import JobEvent, RunEvent


@dataclass(frozen=True, slots=True)
class Target:
    """A domain with the Region, role and account to use for it.

    Attributes:
        domain_id: Id of the domain.
        region: AWS Region of the domain; the environment's if None.
        role_arn: Role to assume, possibly in another account; None to use the caller's credentials.
        external_id: External id that the role's trust policy requires.
        account_id: AWS account of tables whose names have no account.
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
    """The routes of the settings, in order; events without a matching route go to `datazone.domain_id`, if set."""

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
        """All targets without duplicates."""
        return list(dict.fromkeys(route.target for route in self._routes))

    def find(self, event: RunEvent | JobEvent) -> Target | None:
        """Returns the target of an event; None if no route matches."""
        namespaces, projects = list(_namespaces(event)), list(_projects(event))
        return next((route.target for route in self._routes if route.takes(namespaces, projects)), None)


def _match(patterns: Sequence[str], texts: Sequence[str]) -> bool:
    """True if a pattern matches a text, or if there are no patterns."""
    return not patterns or any(fnmatchcase(text, pattern) for text in texts for pattern in patterns)


def _namespaces(event: RunEvent | JobEvent) -> Iterator[str]:
    """Yields the namespaces of the job and of its outputs (else inputs), the latter also with the dataset's name."""
    yield event.job.namespace
    for dataset in event.outputs or event.inputs:
        yield dataset.namespace
        yield f"{dataset.namespace}/{dataset.name}"


def _projects(event: RunEvent | JobEvent) -> Iterator[str]:
    """Yields the dbt project as the run facet and the node's unique id name it."""
    facets = event.run.facets if isinstance(event, RunEvent) else {}
    run, node = facets.get("dbt_run"), event.job.facets.get("dbt_node")
    if isinstance(run, Mapping) and isinstance(run.get("project_name"), str):
        yield run["project_name"]
    unique_id = node.get("unique_id") if isinstance(node, Mapping) else None
    if isinstance(unique_id, str) and unique_id.count(".") > 1:
        yield unique_id.split(".")[1]
