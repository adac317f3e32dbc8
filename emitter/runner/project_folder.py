"""A dbt project's name and connection without dbt: from dbt_project.yml and its profile."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emitter.dbt.profiles import FILE, Profiles, read_yaml
from emitter.errors import ArtifactError
from emitter.runner.event_log import Message
from emitter.runner.shim import LOCATION_FIELDS, option

PROJECT_FILE = "dbt_project.yml"
_JINJA = ("{{", "{%")


class ProjectFolder:
    """The folder of a project, found as dbt v2 finds it: by its options, its variables, else the working folder.

    Args:
        arguments: The arguments of dbt.
        environ: The environment variables.
        here: The folder in which dbt was started.
    """

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str], here: Path) -> None:
        self._arguments, self._environ, self._here = list(arguments), environ, here
        self.path = here / (self._option("project-dir") or ".")

    def project_message(self) -> Message:
        """Returns the message `Project`; if the connection is unknown, the message has a `reason`.

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
        reported: Message = {
            "name": "Project",
            "project_name": document["name"],
            "project_version": document.get("version"),
            "target_path": document.get("target-path"),
            "profile_name": name,
            "target_name": target,
            "profile": profile,
            "reason": reason,
        }
        return reported

    def flags(self) -> dict[str, Any]:
        """Returns the options that locate artifacts."""
        return {"project_dir": str(self.path), "target_path": self._option("target-path")}

    def target(self) -> Path:
        """Returns the target folder."""
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
    """Returns the fields of a profile that locate tables, and no others.

    Raises:
        ArtifactError: The profile or target does not exist, or only dbt can render it.
    """
    written = profiles.output(name) if name in profiles else None
    if written is None:
        raise ArtifactError(f"{profiles.path} has no profile {name} with the target that dbt takes")
    found = {key: profiles.rendered(written[key]) for key in LOCATION_FIELDS if key in written}
    for key, value in found.items():
        if isinstance(value, str) and any(mark in value for mark in _JINJA):
            raise ArtifactError(f"{profiles.path}: {key} of the profile {name} is Jinja that only dbt can render")
    found["own_credentials"] = bool(written.get("aws_access_key_id"))
    return found
