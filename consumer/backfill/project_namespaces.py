"""Where each project of a backfill has its datasets: as somebody says, as profiles.yml says, else on its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from consumer.backfill.profile_namespaces import Profiles
from consumer.errors import UsageError
from emitter.dbt.backfill import ArtifactError, Manifest, Place, default_place, scheme_of

_FOR_PROJECT = re.compile(r"(?P<project>[A-Za-z_][\w-]*)=(?P<value>.+)")


class Places:
    """Finds the place of a project.

    Args:
        namespaces: `NAMESPACE`, for the projects of the adapter whose namespaces begin so, or `PROJECT=NAMESPACE`.
        glue: `arn:aws:glue:{region}:{account}`, for the projects on Athena, or the same after `PROJECT=`.
        profiles: Asked where no namespace is given.
    """

    def __init__(
        self, namespaces: Sequence[str] = (), glue: Sequence[str] = (), profiles: Profiles | None = None
    ) -> None:
        self._namespaces = _by_project(namespaces)
        self._glue = _by_project(glue)
        self._profiles = profiles

    def of(self, manifest: Manifest) -> tuple[Place, str]:
        """Returns a project's place, and what to tell a person about it, if anything.

        Raises:
            UsageError: Several namespaces fit, or none can be made of what is given.
        """
        scheme, project = scheme_of(manifest.adapter), manifest.project
        fitting = [value for name, value in self._namespaces if not name and value.partition(":")[0] == scheme]
        namespace = _one(
            [value for name, value in self._namespaces if name == project] or fitting, project, "namespace"
        )
        glue = _one(
            [value for name, value in self._glue if name == project]
            or [value for name, value in self._glue if not name],
            project,
            "glue",
        )
        words = ""
        if namespace is not None:
            place = Place(namespace)
        elif self._profiles is not None:
            place = self._profiles.place(manifest)
        else:
            place = default_place(manifest.adapter, project)
            words = (
                f"project {project}: a manifest does not tell where its tables are, so they go by {place.namespace};"
                f" give --namespace {_example(manifest.adapter)} or --profiles, so that they are those of live runs"
            )
        try:
            return (Place(place.namespace, glue) if glue and manifest.adapter == "athena" else place), words
        except ArtifactError as error:
            raise UsageError(f"--glue: {error}") from error


def _by_project(values: Iterable[str]) -> list[tuple[str, str]]:
    found = [(value, _FOR_PROJECT.fullmatch(value)) for value in values]
    return [(match["project"], match["value"]) if match else ("", value) for value, match in found]


def _one(values: list[str], project: str, option: str) -> str | None:
    if len(set(values)) > 1:
        raise UsageError(
            f"--{option} {' and '.join(values)} both fit project {project}; write --{option} {project}=..."
        )
    return values[0] if values else None


def _example(adapter: str) -> str:
    return {
        "athena": "awsathena://athena.REGION.amazonaws.com",
        "redshift": "redshift://ENDPOINT-HOST:5439",
    }.get(adapter, f"{scheme_of(adapter)}://...")
