"""Dataset locations from dbt's profiles.yml, for `headwater backfill --profiles`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from consumer.errors import UsageError
from emitter.dbt import profiles
from emitter.dbt.backfill import ArtifactError, DatasetLocation, Manifest, location_of

Found = TypeVar("Found")


class Profiles:
    """The profiles of a profiles.yml.

    Args:
        path: Path of profiles.yml or of its folder.
        target: Target to use in each profile; None for the profile's default.

    Raises:
        UsageError: The file can't be read.
    """

    def __init__(self, path: Path, target: str | None = None) -> None:
        self._profiles = _translate_errors(lambda: profiles.Profiles(path, target))

    def location(self, manifest: Manifest) -> DatasetLocation:
        """Returns the dataset location of a project, from the profile of its name, else the only one for its adapter.

        Raises:
            UsageError: There is no such profile, there are several, or a required value is missing in it.
        """
        path = self._profiles.path
        fitting = _translate_errors(lambda: self._fitting(manifest.adapter))
        name = manifest.project if manifest.project in fitting else next(iter(fitting), None)
        if name is None or (name != manifest.project and len(fitting) > 1):
            count = (
                f"several profiles for {manifest.adapter}: {', '.join(fitting)}"
                if fitting
                else f"no profile for {manifest.adapter}"
            )
            raise UsageError(
                f"{path} has {count}, and none has the name of project {manifest.project}; give --namespace"
                f" {manifest.project}=..., or a file with this project's profile"
            )
        try:
            return location_of(fitting[name])
        except ArtifactError as error:
            raise UsageError(f"{path}, profile {name}: {error}") from error

    def _fitting(self, adapter: str) -> dict[str, Mapping[str, Any]]:
        """Returns the connection settings for an adapter, by profile name."""
        written = {name: self._profiles.output(name) for name in self._profiles}
        names = [name for name, output in written.items() if output and output.get("type") == adapter]
        return {name: self._profiles.connection(name) or {} for name in names}


def _translate_errors(read: Callable[[], Found]) -> Found:
    try:
        return read()
    except ArtifactError as error:
        raise UsageError(f"{error}; or give --namespace") from error
