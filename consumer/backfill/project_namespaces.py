"""Dataset locations of a backfill's projects: from options, else from profiles.yml, else a default of the project."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from consumer.backfill.profile_namespaces import Profiles
from consumer.errors import UsageError
from emitter.dbt.backfill import ArtifactError, DatasetLocation, Manifest, default_location, scheme_of

_FOR_PROJECT = re.compile(r"(?P<project>[A-Za-z_][\w-]*)=(?P<value>.+)")


class NamespaceResolver:
    """Resolves the dataset location of a project.

    Args:
        namespaces: `NAMESPACE` for the projects of the adapter with that scheme, or `PROJECT=NAMESPACE`.
        glue: `arn:aws:glue:{region}:{account}` for all projects on Athena, or `PROJECT=arn:...`.
        profiles: Profiles to use for projects without a namespace option; None to use a default location.
    """

    def __init__(
        self, namespaces: Sequence[str] = (), glue: Sequence[str] = (), profiles: Profiles | None = None
    ) -> None:
        self._namespaces = _by_project(namespaces)
        self._glue = _by_project(glue)
        self._profiles = profiles

    def resolve(self, manifest: Manifest) -> tuple[DatasetLocation, str]:
        """Returns a project's dataset location, and a warning to show, or an empty text.

        Raises:
            UsageError: Several namespaces match, or a given value is invalid.
        """
        location, warning = self._namespace_location(manifest)
        glue = _single(_for_project(self._glue, manifest.project), manifest.project, "glue")
        if not glue or manifest.adapter != "athena":
            return location, warning
        try:
            return DatasetLocation(location.namespace, glue), warning
        except ArtifactError as error:
            raise UsageError(f"--glue: {error}") from error

    def _namespace_location(self, manifest: Manifest) -> tuple[DatasetLocation, str]:
        adapter, project = manifest.adapter, manifest.project
        scheme = scheme_of(adapter)
        usable = [(name, value) for name, value in self._namespaces if name or value.partition(":")[0] == scheme]
        namespace = _single(_for_project(usable, project), project, "namespace")
        if namespace is not None:
            return DatasetLocation(namespace), ""
        if self._profiles is not None:
            return self._profiles.location(manifest), ""
        location = default_location(adapter, project)
        return location, (
            f"project {project}: a manifest does not name its database, so its datasets are in {location.namespace};"
            f" give --namespace {_example(adapter)} or --profiles to match the datasets of live runs"
        )


def _by_project(values: Iterable[str]) -> list[tuple[str, str]]:
    by_project: list[tuple[str, str]] = []
    for value in values:
        match = _FOR_PROJECT.fullmatch(value)
        by_project.append((match["project"], match["value"]) if match else ("", value))
    return by_project


def _for_project(values: Iterable[tuple[str, str]], project: str) -> list[str]:
    """Returns the values for a project, else those for all projects."""
    values = list(values)
    own = [value for name, value in values if name == project]
    return own or [value for name, value in values if not name]


def _single(values: list[str], project: str, option: str) -> str | None:
    if len(set(values)) > 1:
        raise UsageError(
            f"--{option} {' and '.join(values)} both match project {project}; write --{option} {project}=..."
        )
    return values[0] if values else None


def _example(adapter: str) -> str:
    return {
        "athena": "awsathena://athena.REGION.amazonaws.com",
        "redshift": "redshift://ENDPOINT-HOST:5439",
    }.get(adapter, f"{scheme_of(adapter)}://...")
