"""A dbt project's name and connection without dbt: dbt_project.yml, and the profile that it names."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emitter.dbt.profiles import FILE, Profiles, read_yaml
from emitter.errors import ArtifactError
from emitter.runner.event_log import Message
from emitter.runner.shim import PLACES, option

PROJECT_FILE = "dbt_project.yml"
_JINJA = ("{{", "{%")


class ProjectFolder:
    """The folder of a project, found as dbt v2 finds it: by its options, its variables, else the working folder.

    Args:
        arguments: dbt's.
        environ: The environment variables.
        here: The folder in which dbt was started.
    """

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str], here: Path) -> None:
        self._arguments, self._environ, self._here = list(arguments), environ, here
        self.path = here / (self._option("project-dir") or ".")

    def told(self) -> Message:
        """The message `Project`; where the connection is not known, its `reason` says why.

        Raises:
            ArtifactError: dbt_project.yml can't be read, or has no name.
        """
        document = read_yaml(self.path / PROJECT_FILE, "project file")
        if not isinstance(document.get("name"), str):
            raise ArtifactError(f"{self.path / PROJECT_FILE} has no name")
        name = self._option("profile") or str(document.get("profile") or document["name"])
        profile: Mapping[str, Any] = {}
        target, reason = self._option("target"), None
        try:
            profiles = Profiles(self._profiles_file(), target, self._environ)
            profile = _connection(profiles, name)
            target = profiles.target(name)
        except ArtifactError as error:
            reason = str(error)
        told: Message = {
            "name": "Project",
            "project_name": document["name"],
            "project_version": document.get("version"),
            "target_path": document.get("target-path"),
            "profile_name": name,
            "target_name": target,
            "profile": profile,
            "reason": reason,
        }
        return told

    def flags(self) -> dict[str, Any]:
        """The options that tell where artifacts are."""
        return {"project_dir": str(self.path), "target_path": self._option("target-path")}

    def target(self) -> Path:
        """The target folder."""
        given = self._option("target-path")
        if given is None:
            try:
                given = read_yaml(self.path / PROJECT_FILE, "project file").get("target-path")
            except ArtifactError:
                given = None
        return self.path / (str(given) if given else "target")

    def _profiles_file(self) -> Path:
        given = self._option("profiles-dir")
        home = Path(self._environ.get("HOME") or Path.home())
        folders = [self._here / given] if given else [self._here, home / ".dbt"]
        return next((folder / FILE for folder in folders if (folder / FILE).is_file()), folders[-1] / FILE)

    def _option(self, name: str) -> str | None:
        return option(name, self._arguments, dict(self._environ))


def _connection(profiles: Profiles, name: str) -> dict[str, Any]:
    """What the names of tables need of a profile, and nothing else of it.

    Raises:
        ArtifactError: There is no such profile or target, or only dbt could tell what is in it.
    """
    written = profiles.output(name) if name in profiles else None
    if written is None:
        raise ArtifactError(f"{profiles.path} has no profile {name} with the target that dbt takes")
    found = {key: profiles.rendered(written[key]) for key in PLACES if key in written}
    for key, value in found.items():
        if isinstance(value, str) and any(mark in value for mark in _JINJA):
            raise ArtifactError(f"{profiles.path}: {key} of the profile {name} is Jinja that only dbt can render")
    found["own_credentials"] = bool(written.get("aws_access_key_id"))
    return found
